package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHealthIsTheAnswersStatus(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/ready":
			_, _ = w.Write([]byte(`{"status":"ready"}`))
		case "/moved":
			http.Redirect(w, r, "/ready", http.StatusFound)
		default:
			http.Error(w, "the broker is away", http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(server.Close)
	for _, c := range []struct {
		args   []string
		status int
		says   string
	}{
		{[]string{server.URL + "/ready"}, 0, "ready"},
		{[]string{server.URL + "/broken"}, 1, "503 Service Unavailable: the broker is away"},
		{[]string{server.URL + "/moved"}, 1, "302"},
		{[]string{"http://ada:secret@127.0.0.1:1/"}, 1, "does not answer"},
		{[]string{"no address"}, 1, "that is no address"},
		{nil, 2, "give one address"},
		{[]string{server.URL, server.URL}, 2, "give one address"},
	} {
		var out, errs strings.Builder
		status := run(t.Context(), append([]string{"health"}, c.args...), streams{out: &out, err: &errs})
		require.Equal(t, c.status, status, "%v: %s", c.args, &errs)
		require.Contains(t, out.String()+errs.String(), c.says)
		require.NotContains(t, errs.String(), "secret")
	}
}
