package api_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/observer/api"
)

func TestWithoutATokenOnlyThisHostIsServed(t *testing.T) {
	w := newWorld(t)
	a := w.serve(func(c *api.Config) { c.Metrics = http.NotFoundHandler() })
	for host, want := range map[string]int{
		"127.0.0.1:7070": 200, "127.8.9.1": 200, "localhost:7070": 200, "LOCALHOST": 200, "[::1]:7070": 200, "[::1]": 200,
		"[::ffff:127.0.0.1]:80": 200,
		"evil.test":             403, "127.0.0.1.evil.test": 403, "localhost.evil.test:7070": 403, "10.0.0.1:7070": 403, "": 403, "[::2]:7070": 403,
	} {
		for _, path := range []string{"/api/v1/flows", "/", "/healthz", "/openapi.json"} {
			r := httptest.NewRequest(http.MethodGet, path, http.NoBody)
			r.Host = host
			answer := ask(t, a, r)
			require.Equal(t, want, answer.Code, "%q %s: %s", host, path, answer.Body)
			if want == 403 {
				require.Contains(t, answer.Body.String(), "LABAN_API_TOKEN")
			}
		}
	}
	r := httptest.NewRequest(http.MethodGet, "/api/v1/flows", http.NoBody)
	r.RemoteAddr = "10.0.0.7:4711"
	require.Equal(t, 403, ask(t, a, r).Code, "a peer from elsewhere")
}

func TestWithATokenAllButHealthAsksForIt(t *testing.T) {
	metrics := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("up 1\n")) })
	w := newWorld(t)
	a := w.serve(func(c *api.Config) { c.Token, c.Metrics = "secret", metrics })
	asked := func(path, authorization string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, path, http.NoBody)
		r.Host, r.RemoteAddr = "observer.example:7070", "10.0.0.7:4711"
		if authorization != "" {
			r.Header.Set("Authorization", authorization)
		}
		return ask(t, a, r)
	}
	for _, path := range []string{"/metrics", "/healthz", "/readyz"} {
		require.Equal(t, 200, asked(path, "").Code, path)
	}
	for _, path := range []string{
		"/", "/parked", "/flows/x", "/choreographies/order", "/openapi.json", "/openapi.yaml", "/nothing", "/metrics/", "//metrics",
		"/api/v1/flows", "/api/v1/flows/x", "/api/v1/where?key=1", "/api/v1/status", "/api/v1/events", "/api/v1/choreographies",
	} {
		answer := asked(path, "")
		require.Equal(t, 401, answer.Code, path)
		require.Equal(t, `Bearer realm="laban"`, answer.Header().Get("WWW-Authenticate"))
		require.NotContains(t, answer.Body.String(), "secret")
	}
	for authorization, want := range map[string]int{
		"Bearer secret": 200, "bearer secret": 200, "Bearer  secret ": 200,
		"Bearer secre": 401, "Bearer secret2": 401, "Bearer": 401, "Bearer ": 401, "Basic secret": 401, "secret": 401,
	} {
		require.Equal(t, want, asked("/api/v1/status", authorization).Code, authorization)
	}
}

func TestOtherSitesChangeNothing(t *testing.T) {
	w := newWorld(t)
	w.Chain("1042", "order.placed")
	a := w.serve()
	post := func(change func(http.Header)) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodPost, "/api/v1/flows/F1042/close", strings.NewReader(`{"reason":"done"}`))
		r.Header.Set("Content-Type", "application/json; charset=utf-8")
		change(r.Header)
		return ask(t, a, r)
	}
	for name, change := range map[string]func(http.Header){
		"another origin":         func(h http.Header) { h.Set("Origin", "https://evil.test") },
		"no origin":              func(h http.Header) { h.Set("Origin", "null") },
		"another site, it says":  func(h http.Header) { h.Set("Sec-Fetch-Site", "cross-site") },
		"a form":                 func(h http.Header) { h.Set("Content-Type", "application/x-www-form-urlencoded") },
		"plain text":             func(h http.Header) { h.Set("Content-Type", "text/plain") },
		"nothing of its content": func(h http.Header) { h.Del("Content-Type") },
	} {
		answer := post(change)
		require.Contains(t, []int{403, 415}, answer.Code, name)
		require.Empty(t, w.Closings(), name)
	}
	require.Equal(t, 202, post(func(h http.Header) { h.Set("Origin", "http://127.0.0.1:7070") }).Code)
	require.Equal(t, 202, post(func(http.Header) {}).Code)
	require.Len(t, w.Closings(), 2)
}

func TestPagesLoadNothing(t *testing.T) {
	a := newWorld(t).serve()
	for path, title := range map[string]string{
		"/": "Flows", "/parked": "Parked messages", "/flows/F%2F1": "Flow F/1", "/choreographies/order": "Choreography order",
		"/flows/%3Cscript%3Ealert(1)%3C%2Fscript%3E": "Flow &lt;script&gt;alert(1)&lt;/script&gt;",
	} {
		answer := get(t, a, path)
		require.Equal(t, 200, answer.Code, path)
		require.Contains(t, answer.Body.String(), "<h1>"+title+"</h1>")
		require.Contains(t, answer.Body.String(), `<html lang="en">`)
		require.NotContains(t, answer.Body.String(), "<script")
		require.Equal(t, "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'", answer.Header().Get("Content-Security-Policy"))
		require.Equal(t, "nosniff", answer.Header().Get("X-Content-Type-Options"))
		require.Equal(t, "no-store", answer.Header().Get("Cache-Control"))
	}
	require.Contains(t, get(t, a, "/flows/a%2Fb").Body.String(), `href="/api/v1/flows/a%2Fb"`)
}

func TestWhatIsNotThereIsSaid(t *testing.T) {
	a := newWorld(t).serve()
	require.Equal(t, 404, get(t, a, "/api/v2/flows").Code)
	require.Contains(t, get(t, a, "/nothing").Body.String(), "/openapi.json describes what there is")
	r := httptest.NewRequest(http.MethodDelete, "/api/v1/flows/F1042", http.NoBody)
	answer := ask(t, a, r)
	require.Equal(t, 405, answer.Code)
	require.Equal(t, "GET", answer.Header().Get("Allow"))
	require.Equal(t, "application/problem+json", answer.Header().Get("Content-Type"))
	require.Equal(t, 404, get(t, a, "/metrics").Code, "none are configured")
}

func TestListeningForOthersNeedsAToken(t *testing.T) {
	_, err := api.Listen(t.Context(), "0.0.0.0:0", "")
	require.ErrorContains(t, err, "set LABAN_API_TOKEN to a secret")
	_, err = api.Listen(t.Context(), ":0", "")
	require.ErrorContains(t, err, "LABAN_API_TOKEN")
	for address, token := range map[string]string{"127.0.0.1:0": "", "0.0.0.0:0": "secret"} {
		l, err := api.Listen(t.Context(), address, token)
		require.NoError(t, err)
		require.NoError(t, l.Close())
	}
	_, err = api.Listen(t.Context(), "127.0.0.1:99999", "")
	require.ErrorContains(t, err, "the API can't listen at 127.0.0.1:99999")
	_, err = api.New(api.Config{})
	require.ErrorContains(t, err, "needs a reader")
}

func TestInputsAreBounded(t *testing.T) {
	w := newWorld(t)
	a := w.serve()
	r := httptest.NewRequest(http.MethodPost, "/api/v1/flows/F1042/close", strings.NewReader(`{"reason":"`+strings.Repeat("x", 20_000)+`"}`))
	r.Header.Set("Content-Type", "application/json")
	require.Equal(t, 413, ask(t, a, r).Code)
	require.Equal(t, 422, get(t, a, "/api/v1/where?key="+strings.Repeat("x", 1025)).Code)
	require.Equal(t, 422, get(t, a, "/api/v1/where?key=").Code)
	require.Equal(t, 422, get(t, a, "/api/v1/where").Code)
	require.Equal(t, 422, get(t, a, "/api/v1/flows?limit=501").Code)
	require.Equal(t, 422, get(t, a, "/api/v1/flows?cursor="+strings.Repeat("x", 4097)).Code)
}
