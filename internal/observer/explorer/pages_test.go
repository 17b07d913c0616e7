package explorer_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/laban-io/laban/internal/observer"
	"github.com/laban-io/laban/pkg/flow"
)

func addresses() []string {
	return []string{
		"/", "/?status=stalled", "/?service=payment&cause=parked", "/?age=older-1h", "/?q=nothing", "/flows/F2", "/flows/F3?choreography=order",
		"/choreographies", "/choreographies/order", "/choreographies/order?window=15m", "/parked", "/health",
	}
}

// TestPagesAreWholeWithoutAScript holds every page to its policy, and to having
// no script, style or handler of its own.
func TestPagesAreWholeWithoutAScript(t *testing.T) {
	w := newWorld(t, true, "")
	w.story()
	for _, path := range addresses() {
		got, body := w.get(path)
		require.Equal(t, http.StatusOK, got.StatusCode, path)
		policy := got.Header.Get("Content-Security-Policy")
		require.Contains(t, policy, "default-src 'none'")
		require.NotContains(t, policy, "unsafe")
		checkMarkup(t, path, body)
	}
}

// checkMarkup fails where a page runs or loads what is not this origin's.
func checkMarkup(t *testing.T, path, body string) {
	t.Helper()
	ids := map[string]bool{}
	z := html.NewTokenizer(strings.NewReader(body))
	for z.Next() != html.ErrorToken {
		token := z.Token()
		if token.Type == html.TextToken {
			require.NotRegexp(t, "[\x00-\x08\x0b-\x1f\u202a-\u202e\u2028\u2066-\u2069]", token.Data, path)
		}
		if token.Type != html.StartTagToken && token.Type != html.SelfClosingTagToken {
			continue
		}
		for _, a := range token.Attr {
			require.False(t, strings.HasPrefix(a.Key, "on") || a.Key == "style", "%s: <%s %s>", path, token.Data, a.Key)
			if a.Key == "id" {
				require.False(t, ids[a.Val], "%s: the id %q is there twice", path, a.Val)
				ids[a.Val] = true
			}
			if a.Key == "src" || token.Data == "link" && a.Key == "href" {
				require.True(t, strings.HasPrefix(a.Val, "/assets/"), "%s: loads %s", path, a.Val)
			}
			if a.Key == "href" {
				require.False(t, strings.HasPrefix(strings.ToLower(strings.TrimSpace(a.Val)), "javascript:"), path)
			}
		}
	}
}

func TestFlows(t *testing.T) {
	w := newWorld(t, true, "")
	w.story()
	_, body := w.get("/")
	require.Contains(t, body, `<a class="count stalled" href="/?status=stalled"`)
	require.Regexp(t, `(?s)<tr id="f[0-9a-f]{16}" class="stalled">.*payment.*to emit payment.confirmed or payment.rejected.*overdue.*parked`, body)
	require.Contains(t, body, `href="/flows/F2?choreography=order"`)

	_, body = w.get("/?status=stalled")
	require.Contains(t, body, "/flows/F2?")
	require.NotContains(t, body, "/flows/F1?")
	_, body = w.get("/?cause=no-consumer")
	require.Contains(t, body, "No flow is like that")

	for _, q := range []string{"2", "F2", "01020300000000003200000000000000"} {
		got, _ := w.get("/?q=" + q)
		require.Equal(t, http.StatusSeeOther, got.StatusCode, "a search that finds one flow leads to it")
		require.Equal(t, "/flows/F2?choreography=order", got.Header.Get("Location"))
	}
	got, _ := w.get("/?cursor=nonsense")
	require.Equal(t, http.StatusUnprocessableEntity, got.StatusCode)
}

func TestEmptyStatesSayWhatToDo(t *testing.T) {
	_, body := newWorld(t, false, "").get("/")
	require.Contains(t, body, "laban learn")
	w := newWorld(t, true, "")
	_, body = w.get("/")
	require.Contains(t, body, "No flow has begun yet")
	_, body = w.get("/parked")
	require.Contains(t, body, "No message is parked")
	got, body := w.get("/flows/none")
	require.Equal(t, http.StatusNotFound, got.StatusCode)
	require.Contains(t, body, "There is no such flow")
	got, _ = w.get("/choreographies/none")
	require.Equal(t, http.StatusNotFound, got.StatusCode)
}

func TestJourney(t *testing.T) {
	w := newWorld(t, true, "")
	w.story()
	_, body := w.get("/flows/F2")
	for _, want := range []string{
		"Order 2 waits for payment to emit payment.confirmed or payment.rejected since",
		"Missing: payment.confirmed or payment.rejected", "What to do.", "LabanMessagesParked.md",
		"https://jaeger.example/trace/01020300000000003200000000000000", "https://grafana.example/d/flow?var-flow=F2",
		"card 4711: the gateway refuses", `href="/flows/F2.md?choreography=order"`, `<svg class="sequence"`, "missing: payment.confirmed",
	} {
		require.Contains(t, body, want)
	}
	_, body = w.get("/flows/F3")
	require.Regexp(t, `(?s)stock.confirmed.*undone by #4.*stock.returned.*undoes #2`, body, "a compensation is paired with what it undoes")
	require.NotContains(t, body, "Missing:")
	_, body = w.get("/flows/F1")
	require.Contains(t, body, `<tr id="e4" class="critical outcome-completed">`)
	require.Contains(t, body, "The critical path")
}

func TestMarkdown(t *testing.T) {
	w := newWorld(t, true, "")
	w.story()
	got, body := w.get("/flows/F2.md?choreography=order")
	require.Equal(t, "text/markdown; charset=utf-8", got.Header.Get("Content-Type"))
	require.True(t, strings.HasPrefix(body, "### order 2: stalled\n\nOrder 2 waits for payment"), body)
	require.Contains(t, body, "| 2 | 500 ms | stock.confirmed | inventory 1.4.2 | 1 | 500 ms |")
	require.Contains(t, body, "parked, stock.confirmed at payment: `card 4711: the gateway refuses`")
}

func TestMap(t *testing.T) {
	w := newWorld(t, true, "")
	w.story()
	_, body := w.get("/choreographies/order")
	require.Contains(t, body, `class="reaction plain stuck"`)
	require.Contains(t, body, "1 in flight, 1 overdue")
	require.Contains(t, body, `href="/?choreography=order&amp;service=payment&amp;status=stalled"`)
	require.Contains(t, body, "never observed")
	require.Regexp(t, `payment</bdi></b> says that it emits <bdi>money.found`, body, "announced, and not declared")
	_, list := w.get("/?choreography=order&service=payment&status=stalled")
	require.Contains(t, list, "/flows/F2?", "the address of a stuck reaction leads to its flows")
}

func TestParked(t *testing.T) {
	w := newWorld(t, true, "")
	w.story()
	id := w.Chain("5", "order.placed", "stock.confirmed")
	w.park("5", id, "card 4712: the gateway refuses")
	w.Event("5", "payment.confirmed", id)
	w.Commit()
	_, body := w.get("/parked")
	require.Equal(t, 1, strings.Count(body, `<section class="group">`), "they differ by a number only")
	require.Contains(t, body, "<strong>2</strong> ×")
	require.Contains(t, body, "1 running, 1 stalled", "how far their flows have come")
}

func TestHealth(t *testing.T) {
	w := newWorld(t, true, "")
	_, body := w.get("/health")
	require.Contains(t, body, "sees")
	require.Contains(t, body, "! missing</span> <b>management</b>")
	w.Set(func(s *observer.Status) { s.Blind, s.BlindDetail = observer.Unreachable, "no route" })
	for _, path := range []string{"/health", "/"} {
		_, body = w.get(path)
		require.Contains(t, body, "The observer is blind")
		require.Contains(t, body, "unreachable: no route")
	}
}

// hostile are texts that would be more than text somewhere.
func hostile() []string {
	return []string{
		`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `'; alert(1); '`, `javascript:alert(1)`, `{{.}}`, `</title></textarea></svg><b>`,
		strings.Repeat("long", 400), "\u202eright to left\u202c العربية", "👩‍👩‍👧‍👦 emoji", "nul\x00 esc\x1b[31m \xff\xfe", "../../etc/passwd", "a/b?c#d%2e&e=f", "| table | `code` | **bold**", "\u2028line",
	}
}

// TestHostileTextStaysText has hostile text in every field of a message.
func TestHostileTextStaysText(t *testing.T) {
	for _, text := range hostile() {
		w := newWorld(t, true, "")
		evil := func(e *flow.Event) {
			e.Key, e.FlowID, e.Version = text, text, text
		}
		first := w.Event("x", "order.placed", "", evil, func(e *flow.Event) { e.ID = text })
		_ = first
		second := w.Event("x", "stock.confirmed", text, evil, func(e *flow.Event) { e.Source = text })
		w.Event("x", text, second, evil)
		f := flow.Failure{Place: w.Place(), EventID: second, Type: text, FlowName: "order", FlowID: text, Key: text, Service: text, Parked: true, Error: text}
		w.Took(w.Tracker.Fail(&f))
		w.Pulse(0)
		w.Commit()
		w.Set(func(s *observer.Status) {
			pay := &s.Services[0]
			pay.Name, pay.Version, pay.Queue, pay.Bindings, pay.Emits = text, text, text, []string{text}, []string{text}
			s.Warnings, s.BlindDetail, s.Blind = []string{text}, text, observer.Lagging
		})

		flows, _, err := w.Ledger.Flows(t.Context(), filterAll())
		require.NoError(t, err)
		require.Len(t, flows, 1)
		own := "/flows/" + url.PathEscape(flows[0].ID)
		for _, path := range []string{"/", "/?choreography=order&q=" + url.QueryEscape(text), own, "/parked", "/health", "/choreographies/order", "/?service=" + url.QueryEscape(text), "/?cursor=" + url.QueryEscape(text)} {
			got, body := w.get(path)
			require.Less(t, got.StatusCode, 500, path)
			checkMarkup(t, path, body)
			require.NotContains(t, body, "<script>alert", path)
			require.NotContains(t, body, "<img", path)
		}
		_, body := w.get(own)
		require.NotContains(t, body, "There is no such flow")
		_, markdown := w.get(own + ".md")
		require.True(t, strings.HasPrefix(markdown, "### "), markdown)
		require.NotContains(t, markdown, "\n| table | `code`")
	}
}

func TestLogin(t *testing.T) {
	w := newWorld(t, true, token)
	w.story()
	got, body := w.get("/flows/F2?choreography=order")
	require.Equal(t, http.StatusUnauthorized, got.StatusCode)
	require.Contains(t, body, `name="next" value="/flows/F2?choreography=order"`)
	require.NotContains(t, body, "payment")
	got, _ = w.get("/assets/explorer.css")
	require.Equal(t, http.StatusOK, got.StatusCode)
	got, _ = w.get("/api/v1/flows")
	require.Equal(t, "application/problem+json", got.Header.Get("Content-Type"), "data asks for the token, not for a form")

	login := func(given, next, origin string) (answer, string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://localhost/login", strings.NewReader(url.Values{"token": {given}, "next": {next}}.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", origin)
		return w.do(r)
	}
	got, body = login("wrong", "/", "http://localhost")
	require.Equal(t, http.StatusUnauthorized, got.StatusCode)
	require.Contains(t, body, "not this observer")
	require.Empty(t, got.cookies)
	got, _ = login(token, "/", "https://elsewhere.example")
	require.Equal(t, http.StatusForbidden, got.StatusCode, "another site can't log a browser in")
	got, _ = login(token, "//elsewhere.example/", "http://localhost")
	require.Equal(t, "/", got.Header.Get("Location"))

	got, _ = login(token, "/flows/F2", "http://localhost")
	require.Equal(t, "/flows/F2", got.Header.Get("Location"))
	cookie := got.cookies[0]
	require.True(t, cookie.HttpOnly)
	require.Equal(t, http.SameSiteStrictMode, cookie.SameSite)
	require.NotContains(t, cookie.Value, token)
	with := func(value string) func(*http.Request) {
		return func(r *http.Request) { r.AddCookie(&http.Cookie{Name: cookie.Name, Value: value}) }
	}
	for path, code := range map[string]int{"/flows/F2": 200, "/api/v1/flows": 200} {
		got, _ = w.get(path, with(cookie.Value))
		require.Equal(t, code, got.StatusCode)
	}
	until, signature, _ := strings.Cut(cookie.Value, ".")
	for _, forged := range []string{"", ".", until, until + ".", "9" + until + "." + signature, until + "." + strings.Repeat("0", len(signature))} {
		got, _ = w.get("/", with(forged))
		require.Equal(t, http.StatusUnauthorized, got.StatusCode, forged)
	}
	for n := range 12 {
		got, body = login(fmt.Sprint("guess ", n), "/", "http://localhost")
	}
	require.Equal(t, http.StatusTooManyRequests, got.StatusCode)
	require.Contains(t, body, "Too many wrong tokens")
	require.NotEmpty(t, got.Header.Get("Retry-After"))
	got, _ = w.get("/", with(cookie.Value))
	require.Equal(t, http.StatusOK, got.StatusCode, "who is logged in is not kept out")
	other := newWorld(t, true, "another token")
	got, _ = other.get("/", with(cookie.Value))
	require.Equal(t, http.StatusUnauthorized, got.StatusCode, "another token ends all sessions")
}

func firstMatch(t testing.TB, body, pattern string) string {
	t.Helper()
	found := regexp.MustCompile(pattern).FindStringSubmatch(body)
	require.NotNil(t, found, pattern)
	return strings.ReplaceAll(found[1], "&amp;", "&")
}
