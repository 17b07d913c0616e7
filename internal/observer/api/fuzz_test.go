package api_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// Whatever is asked, the answer is one of those documented, and JSON.
func FuzzQueries(f *testing.F) {
	for _, seed := range []string{
		"status=stalled&since=1h", "cursor=" + base64.RawURLEncoding.EncodeToString([]byte(`{"Listed":1,"Choreography":"order","ID":"F1"}`)),
		"since=9999d", "since=-1h", "limit=1e9", "since=2026-01-02T15:04:05+99:99", "key=%00%ff", "cause=parked&service=%27%3B--", "since=99999999999h", "%zz", "status=,,",
		"limit=5&limit=6", "since=292y", "cursor=e30", "choreography=order&kind=started&window=5d",
	} {
		f.Add(seed)
	}
	w := busy(f)
	a := w.serve()
	f.Fuzz(func(t *testing.T, query string) {
		if strings.ContainsAny(query, "# \r\n") || len(query) > 8000 {
			return
		}
		for _, path := range []string{"/api/v1/flows", "/api/v1/where", "/api/v1/choreographies/order", "/api/v1/flows/F1042"} {
			r := httptest.NewRequest(http.MethodGet, path, http.NoBody)
			r.URL = &url.URL{Path: path, RawQuery: query}
			answer := ask(t, a, r)
			if code := answer.Code; code != 200 && code != 404 && code != 422 && code != 400 {
				t.Fatalf("%s?%s: %d %s", path, query, code, answer.Body)
			}
			if !json.Valid(answer.Body.Bytes()) {
				t.Fatalf("%s?%s: %s", path, query, answer.Body)
			}
		}
	})
}
