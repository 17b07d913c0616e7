package api_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/observer/api"
)

// bearer asks with a token, from an address.
func bearer(t *testing.T, a http.Handler, address, token string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/api/v1/status", http.NoBody)
	r.RemoteAddr = address
	r.Header.Set("Authorization", "Bearer "+token)
	return ask(t, a, r)
}

// TestTokensCantBeTried: some may be wrong, and then each takes a while, from
// everywhere near; others are not held up, nor is who has logged in.
func TestTokensCantBeTried(t *testing.T) {
	w := newWorld(t)
	synctest.Test(t, func(t *testing.T) {
		a := w.serve(func(c *api.Config) { c.Token = "secret" })
		for n := range 10 {
			require.Equal(t, 401, bearer(t, a, "[2001:db8::1]:1", strconv.Itoa(n)).Code)
		}
		answer := bearer(t, a, "[2001:db8::2]:2", "secret")
		require.Equal(t, 429, answer.Code, "the right one, too, or it could be found")
		require.Equal(t, "6", answer.Header().Get("Retry-After"))
		require.NotContains(t, answer.Body.String(), "secret")
		require.Equal(t, 200, bearer(t, a, "[2001:db8:1::]:1", "secret").Code)
		require.Equal(t, 200, bearer(t, a, "127.0.0.1:1", "secret").Code)

		time.Sleep(6 * time.Second) //nolint:forbidigo // the bubble's time
		require.Equal(t, 401, bearer(t, a, "[2001:db8::3]:3", "11").Code)
		require.Equal(t, 429, bearer(t, a, "[2001:db8::3]:3", "12").Code)
		time.Sleep(time.Minute) //nolint:forbidigo // the bubble's time
		require.Equal(t, 200, bearer(t, a, "[2001:db8::1]:1", "secret").Code)
	})
}

// TestOneWrongTokenKeepsNobodyOut: a client that sends an old one again and
// again guesses nothing.
func TestOneWrongTokenKeepsNobodyOut(t *testing.T) {
	a := newWorld(t).serve(func(c *api.Config) { c.Token = "secret" })
	for range 100 {
		require.Equal(t, 401, bearer(t, a, "10.0.0.1:1", "old").Code)
	}
	require.Equal(t, 200, bearer(t, a, "10.0.0.1:1", "secret").Code)
}

// TestTokensCantBeTriedAtOnce has many guesses under way at a time.
func TestTokensCantBeTriedAtOnce(t *testing.T) {
	w := newWorld(t)
	synctest.Test(t, func(t *testing.T) { // in which it takes no time
		a := w.serve(func(c *api.Config) { c.Token = "secret" })
		var all sync.WaitGroup
		var looked atomic.Int64
		for n := range 200 {
			all.Go(func() {
				if bearer(t, a, "10.0.0.1:1", strconv.Itoa(n)).Code == 401 {
					looked.Add(1)
				}
			})
		}
		all.Wait()
		require.EqualValues(t, 10, looked.Load())
	})
}

// TestGuessersAreBounded: however many there are, memory is bounded, and who
// guessed most is not forgotten.
func TestGuessersAreBounded(t *testing.T) {
	w := newWorld(t)
	synctest.Test(t, func(t *testing.T) { // in which it takes no time
		a := w.serve(func(c *api.Config) { c.Token = "secret" })
		for n := range 10 {
			bearer(t, a, "192.0.2.1:1", strconv.Itoa(n))
		}
		for n := range api.MaxGuessers + 100 {
			bearer(t, a, fmt.Sprintf("10.%d.%d.%d:1", n>>16, n>>8&255, n&255), "x")
		}
		require.LessOrEqual(t, a.Guessers(), api.MaxGuessers)
		require.Equal(t, 429, bearer(t, a, "192.0.2.1:1", "secret").Code)
	})
}
