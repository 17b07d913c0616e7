package demo

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

// api serves answers in turn, the last one for ever, and returns a client of it.
func api(t *testing.T, answers ...http.HandlerFunc) (*client, *int) {
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := answers[min(asked, len(answers)-1)]
		asked++
		answer(w, r)
	}))
	c := newClient(server.URL, 2)
	t.Cleanup(func() {
		c.close()
		server.Close()
	})
	return c, &asked
}

func status(n int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(n)
		_, _ = fmt.Fprint(w, body)
	}
}

func TestPlaceTriesAgainWithTheSameKey(t *testing.T) {
	var keys []string
	var body orderRequest
	c, _ := api(t, func(w http.ResponseWriter, r *http.Request) {
		keys = append(keys, r.Header.Get("Idempotency-Key"))
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			status(400, err.Error())(w, r)
			return
		}
		if len(keys) < 3 {
			status(503, `{"detail": "starting"}`)(w, r)
			return
		}
		status(201, `{"id": "1042"}`)(w, r)
	})
	id, err := c.place(t.Context(), orderRequest{CustomerEmail: "ada@example.com"}, "key")
	require.NoError(t, err)
	require.Equal(t, "1042", id)
	require.Equal(t, "ada@example.com", body.CustomerEmail)
	require.Equal(t, []string{"key", "key", "key"}, keys)
}

func TestPlaceGivesUp(t *testing.T) {
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		asked  int
		want   string
	}{
		"for ever unavailable": {status(503, `{"detail": "starting"}`), 3, "the order API answered 503 Service Unavailable: starting"},
		"refused":              {status(422, `{"detail": "no items"}`), 1, "the order API answered 422 Unprocessable Entity: no items"},
		"not a problem":        {status(400, `<html>`), 1, "the order API answered 400 Bad Request: "},
		"not JSON":             {status(201, `<html>`), 3, "decode the order API's answer"},
	} {
		t.Run(name, func(t *testing.T) {
			client, asked := api(t, c.answer)
			_, err := client.place(t.Context(), orderRequest{}, "key")
			require.ErrorContains(t, err, c.want)
			require.Equal(t, c.asked, *asked)
		})
	}
}

func TestCancel(t *testing.T) {
	for name, c := range map[string]struct {
		answers []http.HandlerFunc
		want    cancelAnswer
		asked   int
	}{
		"accepted":             {[]http.HandlerFunc{status(202, `{}`)}, cancelAccepted, 1},
		"too late":             {[]http.HandlerFunc{status(409, `{"order_status": "shipped"}`)}, cancelTooLate, 1},
		"accepted in the end":  {[]http.HandlerFunc{status(503, ``), status(202, ``)}, cancelAccepted, 2},
		"for ever unavailable": {[]http.HandlerFunc{status(503, ``)}, cancelFailed, 3},
	} {
		t.Run(name, func(t *testing.T) {
			client, asked := api(t, c.answers...)
			got, err := client.cancel(t.Context(), "1042")
			require.Equal(t, c.want, got)
			require.Equal(t, c.want == cancelFailed, err != nil)
			require.Equal(t, c.asked, *asked)
		})
	}
}

func TestStatusesReadsEveryPage(t *testing.T) {
	c, asked := api(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Query().Get("after") {
		case "":
			status(200, `{"orders": [{"id": "c", "status": "placed"}, {"id": "b", "status": "shipped"}], "next": "b"}`)(w, r)
		case "b":
			status(200, `{"orders": [{"id": "a", "status": "failed"}]}`)(w, r)
		}
	})
	got, err := c.statuses(t.Context())
	require.NoError(t, err)
	require.Equal(t, map[string]string{"a": "failed", "b": "shipped", "c": "placed"}, got)
	require.Equal(t, 2, *asked)

	c, _ = api(t, status(500, ``))
	_, err = c.statuses(t.Context())
	require.Error(t, err)
}
