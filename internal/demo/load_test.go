package demo

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// counter is an order API that counts.
type counter struct {
	mu               sync.Mutex
	placed, canceled int
	tokens           map[string]int
	refuse           bool
}

func (c *counter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.refuse:
		http.Error(w, "{}", http.StatusUnprocessableEntity)
	case strings.HasSuffix(r.URL.Path, "/cancel"):
		c.canceled++
		w.WriteHeader(http.StatusAccepted)
	default:
		var order orderRequest
		_ = json.NewDecoder(r.Body).Decode(&order)
		c.placed++
		c.tokens[order.PaymentToken]++
		w.WriteHeader(http.StatusCreated)
		_, _ = w.Write([]byte(`{"id":"1"}`))
	}
}

func TestLoadPlacesOrdersByTheirMix(t *testing.T) {
	c := &counter{tokens: map[string]int{}}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	placed, failed, err := Load(t.Context(), LoadConfig{
		Orders: server.URL, Rate: 1000, Count: 10, Mix: Mix{Declined: 5, Canceled: 5}, CancelWithin: time.Millisecond, Out: t.Output(),
	})
	require.NoError(t, err)
	require.Equal(t, 10, placed)
	require.Zero(t, failed)
	require.Equal(t, 10, c.placed)
	require.Equal(t, 5, c.canceled)
	require.Equal(t, map[string]int{"tok_declined": 5, "tok_approved": 5}, c.tokens)
}

func TestLoadCountsWhatItCouldNotPlace(t *testing.T) {
	server := httptest.NewServer(&counter{refuse: true})
	t.Cleanup(server.Close)
	var out strings.Builder
	placed, failed, err := Load(t.Context(), LoadConfig{Orders: server.URL, Rate: 1000, Count: 3, Out: &out})
	require.NoError(t, err)
	require.Zero(t, placed)
	require.Equal(t, 3, failed)
	require.Contains(t, out.String(), "422")
}

func TestLoadEndsWhenItIsStopped(t *testing.T) {
	c := &counter{tokens: map[string]int{}}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	placed, _, err := Load(ctx, LoadConfig{Orders: server.URL, Rate: 200, Out: t.Output()})
	require.NoError(t, err)
	require.Positive(t, placed)
}

func TestLoadRefusesWhatMakesNoSense(t *testing.T) {
	for says, c := range map[string]LoadConfig{
		"http://":    {Orders: "localhost:8081", Rate: 1},
		"the rate":   {Orders: "http://localhost", Rate: 0},
		"the number": {Orders: "http://localhost", Rate: 1, Count: -1},
	} {
		_, _, err := Load(t.Context(), c)
		require.ErrorContains(t, err, says)
	}
}
