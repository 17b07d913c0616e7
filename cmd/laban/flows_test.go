package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/observer/api"
)

// answers are what the API's tests have shown to be an observer's answers.
const answers = "../../internal/observer/api/testdata"

// answer returns one of them.
func answer(t testing.TB, file string) (contentType string, status int, body []byte) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(answers, file+".json"))
	require.NoError(t, err)
	head, body, _ := bytes.Cut(text, []byte("\n"))
	contentType, name, _ := strings.Cut(string(head), " ")
	for status := 200; status < 600; status++ {
		if http.StatusText(status) == name {
			return contentType, status, body
		}
	}
	t.Fatalf("%s: %q is no status", file, name)
	return "", 0, nil
}

func answered[T any](t testing.TB, file string) (v T) {
	t.Helper()
	_, _, body := answer(t, file)
	require.NoError(t, json.Unmarshal(body, &v))
	return v
}

func onPaper(width int) paper {
	return paper{width: width, location: time.UTC, now: time.Date(2026, 1, 2, 15, 0, 0, 0, time.UTC)}
}

func TestAJourneyIsATree(t *testing.T) {
	for file, want := range map[string]string{
		"flow-stalled": `
Order 1042 waits.

flow     F1042
status   stalled
trace    01020300000000003130343200000000
         07000000000000000000000000000000
started  2026-01-02 14:02:04.000 UTC

    +0 ms ● order.placed by order 1.4.2
          │ ! inventory failed, attempt 2 of 5 came next: locked
  +400 ms ├─● stock.confirmed by inventory 1.4.2, at attempt 2
          │ │ 400 ms: 370 ms in queue, 30 ms in hand
          │ │ ! payment gave up at attempt 5, and parked it: no such account
  +400 ms │ ├─● stock.counted by auditor 1.4.2
          │ │   0 ms: 0 ms in queue, 0 ms in hand
          │ │   ! unknown-type: stock.counted
          │ ├─✗ MISSING: payment.confirmed | payment.rejected, owed by payment
          │ │   since 14:02:04, due 14:02:14
          │ │   parked (certain): payment gave up on stock.confirmed after 5
          │ │   attempts: no such account
          │ └─○ notification.sent, owed by notification (aside)
          │     since 14:02:04, due 14:03:04
  +400 ms └─● notification.sent by notification 1.4.2
              400 ms: 400 ms in queue and in hand
`,
		"flow-completed": `
Order 1042 waits.

flow     F1040
status   completed
trace    01020300000000003130343000000000
started  2026-01-02 14:02:00.000 UTC

    +0 ms ● order.placed by order 1.4.2
  +500 ms ├─● stock.confirmed by inventory 1.4.2
          │ │ 500 ms: 490 ms in queue, 10 ms in hand
  +1.00 s │ ├─● payment.confirmed by payment 1.4.2
          │ │ │ 500 ms: 490 ms in queue, 10 ms in hand
  +1.50 s │ │ ├─● order.shipped by delivery 1.4.2
          │ │ │ │ 500 ms: 490 ms in queue, 10 ms in hand
          │ │ │ └─○ notification.sent, owed by notification (aside)
          │ │ │     since 14:02:01, due 14:03:01
          │ │ └─○ notification.sent, owed by notification (aside)
          │ │     since 14:02:01, due 14:03:01
          │ └─○ notification.sent, owed by notification (aside)
          │     since 14:02:00, due 14:03:00
          └─○ notification.sent, owed by notification (aside)
              since 14:02:00, due 14:03:00

Critical path, 1.50 s: order.placed → stock.confirmed → payment.confirmed →
order.shipped. 1.47 s in queue, 30 ms in hand, 0 ms relayed.
`,
		"flow-closed": `
Order 1042 waits.

flow     F1044
status   closed
trace    01020300000000003130343400000000
started  2026-01-02 14:02:27.900 UTC

    +0 ms ● order.placed by order 1.4.2

closed at 14:02:28 by ann: asked for by phone
`,
	} {
		t.Run(file, func(t *testing.T) {
			d := answered[api.Detail](t, file)
			var b strings.Builder
			require.NoError(t, printJourney(&b, &d, "Order 1042 waits.", onPaper(80)))
			var lines []string
			for line := range strings.Lines(b.String()) {
				lines = append(lines, strings.TrimRight(line, " \n"))
			}
			require.Equal(t, strings.TrimPrefix(want, "\n"), strings.Join(lines, "\n")+"\n")
		})
	}
}

// Whatever a message says, the tree stays within the paper, and steers no
// terminal.
func TestAJourneyOfHostileTexts(t *testing.T) {
	long := strings.Repeat("ä", 200)
	ms := 1.0
	d := &api.Detail{Head: api.Head{ID: "F1\x1b[2J", Status: "stalled"}}
	for n := range 30 {
		d.Events = append(d.Events, api.Event{
			Number: n + 1, Cause: n, ID: fmt.Sprint(n), Type: "a\r\n\x1b[31mb " + long, Source: "s\u202e", Offset: uint64(n), EdgeMS: &ms, At: time.Unix(int64(n), 0),
		})
	}
	d.Events = append(d.Events,
		api.Event{Number: 41, Cause: 42, Type: "round.about", Source: "x"}, api.Event{Number: 42, Cause: 41, Type: "round.again", Source: "x"},
		api.Event{Number: 43, Cause: 99, Type: "no.cause", Source: "x"}, api.Event{Number: 44, Cause: 44, Type: "self.made", Source: "x"},
	)
	d.Failures = []api.Failure{{Kind: "retried", EventID: "3", Error: "\x07" + long}, {Kind: "lost", EventID: "3"}, {Kind: "unrouted", EventID: "4"}}
	d.Deviations = []api.Deviation{{Kind: "late", Detail: "\x1b]0;x\x07", Offset: 5}, {Kind: "truncated", Offset: 4711}}
	d.Obligations = []api.Obligation{
		{State: "open", Waiting: api.Waiting{Trigger: 30, Service: "\x1b", For: []string{long}, Overdue: true, Cause: &api.Cause{Evidence: "\x1b" + long}}},
		{State: "open", Waiting: api.Waiting{Service: "nobody", For: []string{"x"}}},
	}
	for _, width := range []int{0, 1, 40, 80, 300} {
		var b strings.Builder
		require.NoError(t, printJourney(&b, d, long, onPaper(width)))
		for line := range strings.Lines(b.String()) {
			line = strings.TrimSuffix(line, "\n")
			require.NotRegexp(t, "[\\x00-\\x1f\\x7f\\x{202e}]", line)
			switch width {
			case 0, 80:
				require.LessOrEqual(t, utf8.RuneCountInString(line), 80, line)
			case 300:
				require.LessOrEqual(t, utf8.RuneCountInString(line), 120, line)
			}
		}
		for _, event := range []string{"round.about", "round.again", "no.cause", "self.made", "! truncated"} {
			require.Equal(t, 1, strings.Count(b.String(), event), event)
		}
	}
}

func TestAListIsATable(t *testing.T) {
	page := answered[api.FlowPage](t, "flows")
	page.Next = "abc"
	var b strings.Builder
	require.NoError(t, printTable(&b, page, onPaper(80)))
	require.Equal(t, strings.TrimPrefix(`
STARTED   KEY   STATUS     SINCE     CAUSE   WAITS FOR
14:02:29  1045  running    14:02:29          inventory: stock.confirmed | stock…
14:02:27  1044  closed
14:02:26  1043  running    14:02:26          inventory: stock.confirmed | stock…
14:02:04  1042  stalled    14:02:04  parked  payment: payment.confirmed | payme…
14:02:02  1041  failed
14:02:00  1040  completed
There are more: --all, or --cursor abc
`, "\n"), b.String())

	b.Reset()
	p := onPaper(0)
	p.now, p.colours = p.now.AddDate(0, 0, 1), true
	page.Flows, page.Next = page.Flows[3:5], ""
	page.Flows[1].Choreography = "return"
	require.NoError(t, printTable(&b, page, p))
	require.Equal(t, strings.TrimPrefix(`
STARTED              KEY          STATUS   SINCE                CAUSE   WAITS FOR
2026-01-02 14:02:04  order 1042   `+"\x1b[31mstalled\x1b[0m"+`  2026-01-02 14:02:04  parked  payment: payment.confirmed | payment.rejected
2026-01-02 14:02:02  return 1041  `+"\x1b[31mfailed\x1b[0m"+`
`, "\n"), b.String())

	b.Reset()
	require.NoError(t, printTable(&b, api.FlowPage{}, onPaper(80)))
	require.Equal(t, "No flows.\n", b.String())
}

// observed is an observer that gives those answers.
type observed struct {
	*httptest.Server
	mu    sync.Mutex
	asked []string
	token string
	// streams are told one after the other.
	streams []string
}

func observe(t *testing.T, files map[string]string) *observed {
	t.Helper()
	o := &observed{}
	o.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		o.mu.Lock()
		defer o.mu.Unlock()
		o.asked = append(o.asked, strings.TrimSpace(r.Method+" "+r.URL.RequestURI()+" "+string(body)))
		o.token = r.Header.Get("Authorization")
		if r.URL.Path == "/api/v1/events" && len(o.streams) > 0 {
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, o.streams[0])
			o.streams = o.streams[1:]
			return
		}
		file := files[r.Method+" "+r.URL.Path]
		if file == "" {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		contentType, status, text := answer(t, file)
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = w.Write(text)
	}))
	t.Cleanup(o.Close)
	t.Setenv("LABAN_OBSERVER", o.URL)
	return o
}

func TestWhere(t *testing.T) {
	o := observe(t, map[string]string{"GET /api/v1/where": "where-stalled"})
	t.Setenv("LABAN_API_TOKEN", "secret")
	status, out, errs := laban(t, "where", "10 42")
	require.Zero(t, status, errs)
	require.Equal(t, "Order 1042 waits for payment to emit payment.confirmed or payment.rejected since 14:02:04 UTC (15 s overdue), because payment gave up on stock.confirmed after 5 attempts: no such account.\n", out)
	require.Equal(t, []string{"GET /api/v1/where?key=10+42"}, o.asked)
	require.Equal(t, "Bearer secret", o.token)

	status, out, _ = laban(t, "where", "1042", "-o", "json")
	require.Zero(t, status)
	var w api.Where
	require.NoError(t, json.Unmarshal([]byte(out), &w))
	require.Equal(t, answered[api.Where](t, "where-stalled"), w)

	observe(t, map[string]string{"GET /api/v1/where": "where-none"})
	status, out, errs = laban(t, "where", "9999")
	require.Equal(t, 1, status)
	require.Contains(t, out, "No flow with the key 9999 is known. Check ")
	require.Empty(t, errs)
}

func TestFlowsAreListedByTheirFilters(t *testing.T) {
	o := observe(t, map[string]string{"GET /api/v1/flows": "flows"})
	status, out, errs := laban(t, "flows", "list", "--status", "stalled,running", "--choreography", "order", "--service", "payment", "--cause", "parked", "--since", "24h", "--key", "a&b", "-n", "7")
	require.Zero(t, status, errs)
	require.Contains(t, out, "STARTED")
	require.Equal(t, []string{"GET /api/v1/flows?cause=parked&choreography=order&key=a%26b&limit=7&service=payment&since=24h&status=stalled%2Crunning"}, o.asked)
	status, out, _ = laban(t, "flows", "list", "-o", "json")
	require.Zero(t, status)
	var page api.FlowPage
	require.NoError(t, json.Unmarshal([]byte(out), &page))
	require.Len(t, page.Flows, 6)

	observe(t, map[string]string{"GET /api/v1/flows": "bad-since"})
	status, _, errs = laban(t, "flows", "list", "--since", "yesterday")
	require.Equal(t, 2, status)
	require.Equal(t, "laban: since: say a time such as 2026-01-02T15:04:05Z, or how long ago: 90s, 15m, 24h, 7d\nsee laban flows list --help\n", errs)
}

func TestShowAsksForTheFlowWithAKey(t *testing.T) {
	o := observe(t, map[string]string{"GET /api/v1/where": "where-stalled", "GET /api/v1/flows/F1042": "flow-stalled"})
	status, out, errs := laban(t, "flows", "show", "1042")
	require.Zero(t, status, errs)
	require.Contains(t, out, "MISSING: payment.confirmed | payment.rejected, owed by payment")
	require.NotContains(t, out, "\x1b")
	require.Equal(t, []string{"GET /api/v1/where?key=1042", "GET /api/v1/flows/F1042?choreography=order"}, o.asked)
	status, out, _ = laban(t, "flows", "show", "1042", "-o", "json")
	require.Zero(t, status)
	require.True(t, json.Valid([]byte(out)))
}

func TestCloseSaysWhy(t *testing.T) {
	o := observe(t, map[string]string{"GET /api/v1/where": "where-stalled", "POST /api/v1/flows/F1042/close": "flow-stalled"})
	status, _, errs := laban(t, "flows", "close", "1042")
	require.Equal(t, 2, status)
	require.Contains(t, errs, `--reason "…"`)
	require.Empty(t, o.asked)
	status, out, errs := laban(t, "flows", "close", "1042", "--reason", "refunded by hand")
	require.Zero(t, status, errs)
	require.Contains(t, out, "The log says that order 1042 (F1042) is over")
	require.Contains(t, o.asked[1], `POST /api/v1/flows/F1042/close?choreography=order {"reason":"refunded by hand","by":"`)
}

func TestWhyAnObserverCanNotBeAsked(t *testing.T) {
	t.Setenv("LABAN_API_TOKEN", "")
	t.Setenv("LABAN_OBSERVER", "http://127.0.0.1:1")
	status, _, errs := laban(t, "where", "1042")
	require.Equal(t, 1, status)
	require.Regexp(t, `^laban: no observer answers at http://127\.0\.0\.1:1 \(.*refused\): start one with laban observe, or say where it is with --observer or LABAN_OBSERVER\n$`, errs)

	refuse := func(status int, contentType, body string) string {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}))
		defer server.Close()
		code, _, errs := laban(t, "flows", "list", "--observer", server.URL)
		require.Equal(t, 1, code)
		return errs
	}
	require.Equal(t, "laban: the observer asks for its token: set LABAN_API_TOKEN to what it was started with\n",
		refuse(401, "application/problem+json", `{"status":401,"detail":"send it"}`))
	t.Setenv("LABAN_API_TOKEN", "wrong")
	require.Equal(t, "laban: the observer does not take the token in LABAN_API_TOKEN: set it to what the observer was started with\n",
		refuse(401, "application/problem+json", `{"status":401,"detail":"send it"}`))
	require.Contains(t, refuse(302, "text/html", "<a>elsewhere</a>"), "is no observer of this version (it says 302 Found)")
	require.Contains(t, refuse(200, "text/html", "<p>hello"), "is no observer of this version (it says 200 OK)")
	require.Equal(t, "laban: the ledger does not answer\n", refuse(503, "application/problem+json", `{"detail":"the ledger does not answer"}`))

	for line, want := range map[string]string{
		"where":                                "say which flow: laban where KEY",
		"where a b":                            "ask for one flow at a time",
		"where a -o xml":                       `--output: there is text and json, but not "xml"`,
		"where a --observer ftp://u:secret@x/": `"…@x/" is no address of an observer`,
		"flows list --status stalld":           `--status: there is no status "stalld"; did you mean "stalled"?`,
		"flows list --cause what":              `--cause: there is no cause "what"; there are unknown, `,
		"flows lst":                            `there is no command "lst"; did you mean "list"?`,
	} {
		status, _, errs := laban(t, strings.Fields(line)...)
		require.Equal(t, 2, status, line)
		require.Contains(t, errs, want)
		require.NotContains(t, errs, "secret")
	}
}

func TestTheShellOffersWhatThereIs(t *testing.T) {
	observe(t, map[string]string{"GET /api/v1/choreographies": "choreographies", "GET /api/v1/status": "status"})
	for _, test := range []struct{ line, want string }{
		{"flows list --choreography ", "order\n"}, {"flows list --service ", "payment\n"},
		{"flows list --status ", "stalled\n"}, {"flows list --cause ", "no-consumer\n"}, {"flows watch --kind ", "overdue\n"},
		{"where --output ", "json\n"}, {"flows ", "watch\t"},
	} {
		_, out, _ := laban(t, append([]string{"__complete"}, strings.Split(test.line, " ")...)...)
		require.Contains(t, out, test.want, test.line)
	}
}

func TestWatchGoesOnWhenTheObserverIsBack(t *testing.T) {
	o := observe(t, map[string]string{"GET /api/v1/events": "bad-since"})
	one := func(data string) string { return "event: transition\nid: 1\ndata: " + data + "\n\n" }
	o.streams = []string{
		": hello\n\n" +
			one(`{"kind":"started","choreography":"order","key":"1041","offset":7}`) +
			one(`{"kind":"changed","choreography":"order","key":"1041","offset":7,"from":"unknown","to":"running"}`) +
			one(`{"kind":"changed","choreography":"order","key":"1040","offset":8,"from":"unknown","to":"running"}`) +
			one(`{"kind":"changed","choreography":"order","key":"1042","at":"2026-01-02T14:02:14Z","from":"running","to":"stalled"}`) +
			one(`{"kind":"overdue","choreography":"order","key":"1042\u001b[2J","at":"2026-01-02T14:02:14Z","service":"payment","for":["a","b"],"cause":{"kind":"parked","certainty":"certain","evidence":"no such account"}}`) +
			"event: later\ndata: {}\n\n" +
			"event: bye\ndata: {\"reason\":\"the observer stops\"}\n\n",
		one(`{"kind":"ended","choreography":"order","flow_id":"F1043","outcome":"completed","duration_ms":1500,"at":"2026-01-02T14:02:15Z"}`),
	}
	// The third time it refuses, which ends the watch.
	status, out, errs := laban(t, "flows", "watch", "--key", "1042", "--kind", "changed,overdue")
	require.Equal(t, 2, status)
	var lines []string
	for line := range strings.Lines(out) {
		_, rest, _ := strings.Cut(line, "  ") // the time, which is by this host's zone
		lines = append(lines, rest)
	}
	require.Equal(t, []string{
		"order 1041  started\n",
		"order 1040  unknown → running\n",
		"order 1042  running → stalled\n",
		"order 1042�[2J  overdue: payment owes a | b, parked (certain): no such account\n",
		"order F1043  ended: completed after 1.50 s\n",
	}, lines)
	require.Equal(t, "laban: the observer stops; connecting again\n"+
		"laban: the observer is back; what happened meanwhile is not printed\n"+
		"laban: the observer has hung up; connecting again\n"+
		"laban: since: say a time such as 2026-01-02T15:04:05Z, or how long ago: 90s, 15m, 24h, 7d\nsee laban flows watch --help\n", errs)
	require.Equal(t, "GET /api/v1/events?key=1042&kind=changed%2Coverdue", o.asked[0])
}

func TestWatchEndsWithASignal(t *testing.T) {
	held := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "event: transition\ndata: {\"kind\":\"started\",\"choreography\":\"order\",\"key\":\"1042\",\"at\":\"2026-01-02T14:02:14Z\"}\n\n")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		close(held)
	}))
	defer server.Close()
	p := start(t, nil, "flows", "watch", "--observer", server.URL)
	p.eventually(t, "order 1042  started")
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
	require.Zero(t, p.wait(t), "%s", &p.out)
	<-held
}
