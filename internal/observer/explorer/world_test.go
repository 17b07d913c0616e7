package explorer_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/ledger"
	"github.com/laban-io/laban/internal/observer"
	"github.com/laban-io/laban/internal/observer/api"
	"github.com/laban-io/laban/internal/observer/explorer"
	"github.com/laban-io/laban/pkg/choreography"
	"github.com/laban-io/laban/pkg/flow"
)

// world is a real tracker that reads a log made by a test, a real ledger, and
// the pages on them. It is also the observer that the pages ask.
type world struct {
	t       testing.TB
	tracker *flow.Tracker
	ledger  *ledger.Ledger
	batch   ledger.Batch
	at      ledger.Position
	offset  uint64
	handler http.Handler
	stuck   string // the id of the event that payment has parked in the story

	mu          sync.Mutex
	now         time.Time
	contracts   []*choreography.Choreography
	status      observer.Status
	subscribers []chan flow.Transition
}

var began = time.Date(2026, 1, 2, 14, 2, 0, 0, time.UTC)

const token = "a token of the tests"

// newWorld has the order contract in force, or none; with a token, or without.
func newWorld(t testing.TB, contract bool, secret string, change ...func(*world, *explorer.Config)) *world {
	t.Helper()
	l, err := ledger.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "ledger.db"), ledger.Config{Volatile: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	epoch, err := l.TakeOver(t.Context())
	require.NoError(t, err)
	w := &world{t: t, tracker: flow.New(flow.Config{}), ledger: l, now: began, status: observer.Status{
		Role: observer.Active, Version: "1.0.0", Started: time.Now().Add(-time.Hour), Log: observer.LogStatus{ID: "log-1", Stream: "events.log", Epoch: epoch},
		Services: []observer.ServiceStatus{{Name: "payment", Queue: "payment", Announced: true, QueueSeen: true, Unacked: -1, Emits: []string{"payment.confirmed", "money.found"}}},
		Evidence: []observer.EvidenceStatus{{Source: "queues", Available: true}, {Source: "management", Detail: "no address of it is known"}},
	}}
	w.batch.Epoch = epoch
	if contract {
		text, err := os.ReadFile("../api/testdata/order.yaml")
		require.NoError(t, err)
		w.rules(string(text))
	}
	w.pulse(0)
	quiet := slog.New(slog.DiscardHandler)
	cfg := explorer.Config{
		Reader: l, Observer: w, Login: secret != "", Log: quiet,
		Links: explorer.Links{Jaeger: "https://jaeger.example/trace/{trace_id}", Grafana: "https://grafana.example/d/flow?var-flow={flow_id}"},
	}
	for _, c := range change {
		c(w, &cfg)
	}
	pages, err := explorer.New(cfg)
	require.NoError(t, err)
	t.Cleanup(pages.Close)
	w.handler, err = api.New(api.Config{Reader: l, Observer: w, Pages: pages, Token: secret, Log: quiet})
	require.NoError(t, err)
	return w
}

// rules puts one more contract in force.
func (w *world) rules(text string) {
	w.t.Helper()
	c, err := choreography.Parse("test.yaml", []byte(text))
	require.NoError(w.t, err)
	w.contracts = append(w.contracts, c)
	w.took(w.tracker.Rules(&flow.Rules{Place: w.place(), Choreography: c}))
	w.batch.Contracts = append(w.batch.Contracts, ledger.ContractOf(c, w.offset))
}

func (w *world) place() flow.Place {
	w.offset++
	return flow.Place{Offset: w.offset}
}

func (w *world) took(transitions []flow.Transition) {
	w.batch.Transitions = append(w.batch.Transitions, slices.Clone(transitions)...)
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, t := range transitions {
		for _, s := range w.subscribers {
			select {
			case s <- t:
			default:
			}
		}
	}
}

// pulse advances log time in the steps of an observer.
func (w *world) pulse(d time.Duration) {
	for {
		step := min(d, 250*time.Millisecond)
		w.mu.Lock()
		w.now = w.now.Add(step)
		now := w.now
		w.mu.Unlock()
		w.took(w.tracker.Pulse(&flow.Pulse{Place: w.place(), Time: now}))
		if d -= step; d <= 0 {
			return
		}
	}
}

func sources() map[string]string {
	return map[string]string{
		"order.placed": "order", "order.cancel_requested": "order", "stock.confirmed": "inventory", "stock.rejected": "inventory", "stock.returned": "inventory",
		"payment.confirmed": "payment", "payment.rejected": "payment", "refund.processed": "payment",
		"order.shipped": "delivery", "delivery.failed": "delivery", "order.canceled": "delivery", "notification.sent": "notification",
	}
}

// event publishes an event, and returns its id.
func (w *world) event(key, eventType, cause string, change ...func(*flow.Event)) string {
	w.t.Helper()
	e := &flow.Event{
		Place: w.place(), Source: sources()[eventType], Type: eventType, Key: key,
		FlowName: "order", FlowID: "F" + key, CausationID: cause, Time: w.now, Version: "1.4.2",
	}
	e.ID = fmt.Sprintf("e%d", e.Offset)
	if cause != "" {
		e.TriggerTime = w.now.Add(-100 * time.Millisecond)
	}
	e.Trace.TraceID, e.Trace.Sampled = [16]byte{1, 2, 3}, true
	copy(e.Trace.TraceID[8:], key)
	binary.BigEndian.PutUint64(e.Trace.SpanID[:], e.Offset)
	for _, c := range change {
		c(e)
	}
	r := w.tracker.Observe(e)
	for _, entry := range r.Entries {
		w.batch.Events = append(w.batch.Events, ledger.Event{Record: *e, Entry: entry})
	}
	w.took(r.Transitions)
	return e.ID
}

// chain publishes events that cause each other, half a second apart.
func (w *world) chain(key string, types ...string) (last string) {
	w.t.Helper()
	for _, t := range types {
		last = w.event(key, t, last)
		w.pulse(500 * time.Millisecond)
	}
	return last
}

func (w *world) park(key, id, why string) {
	f := flow.Failure{Place: w.place(), EventID: id, Type: "stock.confirmed", FlowName: "order", FlowID: "F" + key, Key: key, Service: "payment", Parked: true, Attempt: 5, Of: 5, Error: why}
	w.batch.Failures = append(w.batch.Failures, ledger.FailureOf(&f, w.now))
	w.took(w.tracker.Fail(&f))
}

// commit writes all of this into the ledger.
func (w *world) commit() {
	w.t.Helper()
	w.tracker.Changed(func(s *flow.Snapshot) { w.batch.AddFlow(s) })
	w.batch.From, w.batch.To = w.at, ledger.Position{LogID: "log-1", Next: w.offset + 1}
	epoch := w.batch.Epoch
	require.NoError(w.t, w.ledger.Commit(context.Background(), &w.batch))
	w.at = w.batch.To
	w.batch.Reset()
	w.batch.Epoch = epoch
}

// story is an order of each fate: 1 completed, 2 waits for the payment which is
// parked, 3 was undone, 4 goes on.
func (w *world) story() {
	w.chain("1", "order.placed", "stock.confirmed", "payment.confirmed", "order.shipped")
	confirmed := w.chain("2", "order.placed", "stock.confirmed")
	w.stuck = confirmed
	w.park("2", confirmed, "card 4711: the gateway refuses")
	rejected := w.chain("3", "order.placed", "stock.confirmed", "payment.rejected")
	w.event("3", "stock.returned", rejected)
	w.pulse(40 * time.Second)
	w.chain("4", "order.placed")
	w.commit()
}

// Status, Contracts, Subscribe and CloseFlow make the world an observer.
func (w *world) Status() observer.Status {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.status
	s.Services = slices.Clone(s.Services)
	s.Log.Time, s.Log.LastPulse = w.now, time.Now()
	return s
}

func (w *world) Contracts() []*choreography.Choreography { return w.contracts }

func (w *world) Subscribe(n int) (<-chan flow.Transition, func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := make(chan flow.Transition, n)
	w.subscribers = append(w.subscribers, c)
	return c, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.subscribers = slices.DeleteFunc(w.subscribers, func(s chan flow.Transition) bool { return s == c })
	}
}

func (w *world) CloseFlow(context.Context, string, string, string, string) error { return nil }

// get asks for a page, as a browser on this host.
func (w *world) get(path string, change ...func(*http.Request)) (answer, string) {
	w.t.Helper()
	r := httptest.NewRequestWithContext(w.t.Context(), http.MethodGet, "http://localhost"+path, http.NoBody)
	r.RemoteAddr = "127.0.0.1:4242"
	r.Header.Set("Accept", "text/html")
	for _, c := range change {
		c(r)
	}
	return w.do(r)
}

// answer is what came beside the body.
type answer struct {
	StatusCode int
	Header     http.Header
	cookies    []*http.Cookie
}

func (w *world) do(r *http.Request) (got answer, body string) {
	w.t.Helper()
	out := httptest.NewRecorder()
	w.handler.ServeHTTP(out, r)
	response := out.Result()
	defer response.Body.Close()
	read, err := io.ReadAll(response.Body)
	require.NoError(w.t, err)
	return answer{response.StatusCode, response.Header, response.Cookies()}, string(read)
}
