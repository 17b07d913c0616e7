package api_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/ledger"
	"github.com/laban-io/laban/internal/observer"
	"github.com/laban-io/laban/pkg/choreography"
	"github.com/laban-io/laban/pkg/flow"
)

// world is a real tracker that reads a log made by a test, and a real ledger on
// SQLite. It is also the observer of an API under test.
type world struct {
	t        testing.TB
	tracker  *flow.Tracker
	ledger   *ledger.Ledger
	contract *choreography.Choreography
	batch    ledger.Batch
	at       ledger.Position
	offset   uint64
	now      time.Time
	queues   map[string]flow.QueueSeen

	mu          sync.Mutex
	status      observer.Status
	subscribers []chan flow.Transition
	closings    []flow.Closing
	refuse      error
	flood       bool
}

var began = time.Date(2026, 1, 2, 14, 2, 0, 0, time.UTC)

func newWorld(t testing.TB) *world {
	t.Helper()
	ctx := context.Background()
	l, err := ledger.Open(ctx, "sqlite:"+filepath.Join(t.TempDir(), "ledger.db"), ledger.Config{Volatile: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	contract, err := choreography.ParseFile("testdata/order.yaml")
	require.NoError(t, err)
	epoch, err := l.TakeOver(ctx)
	require.NoError(t, err)
	w := &world{
		t: t, tracker: flow.New(flow.Config{}), ledger: l, contract: contract, now: began, queues: map[string]flow.QueueSeen{},
		status: observer.Status{
			Role: observer.Active, Version: "1.0.0", Started: began.Add(-time.Hour),
			Log: observer.LogStatus{ID: "log-1", Stream: "events.log", Epoch: epoch},
		},
	}
	w.batch.Epoch = epoch
	w.tracker.Rules(&flow.Rules{Place: w.place(), Choreography: contract})
	w.batch.Contracts = append(w.batch.Contracts, ledger.ContractOf(contract, w.offset))
	w.pulse(0)
	return w
}

// rules puts another contract in force.
func (w *world) rules(text string) {
	w.t.Helper()
	c, err := choreography.Parse("test.yaml", []byte(text))
	require.NoError(w.t, err)
	w.contract = c
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

// pulse advances log time by d, in the steps of an observer.
func (w *world) pulse(d time.Duration) {
	w.t.Helper()
	for {
		step := min(d, 250*time.Millisecond)
		w.now = w.now.Add(step)
		queues := make([]flow.QueueSeen, 0, len(w.queues))
		for _, q := range w.queues {
			queues = append(queues, q)
		}
		slices.SortFunc(queues, func(a, b flow.QueueSeen) int { return strings.Compare(a.Service, b.Service) })
		w.took(w.tracker.Pulse(&flow.Pulse{Place: w.place(), Time: w.now, Queues: queues}))
		if d -= step; d <= 0 {
			return
		}
	}
}

var emitters = map[string]string{
	"order.placed": "order", "order.cancel_requested": "order",
	"stock.confirmed": "inventory", "stock.rejected": "inventory", "stock.returned": "inventory",
	"payment.confirmed": "payment", "payment.rejected": "payment", "refund.processed": "payment",
	"order.shipped": "delivery", "delivery.failed": "delivery", "order.canceled": "delivery", "order.cancel_refused": "delivery",
	"notification.sent": "notification",
}

// event publishes an event of an order, caused by another, and returns its id.
// It was 10 ms in hand, and is published as soon as it is made.
func (w *world) event(key, eventType, cause string, change ...func(*flow.Event)) string {
	w.t.Helper()
	e := &flow.Event{
		Place: w.place(), Source: emitters[eventType], Type: eventType, Key: key,
		FlowName: "order", FlowID: "F" + key, CausationID: cause, Time: w.now, Version: "1.4.2",
	}
	e.ID = fmt.Sprintf("e%d", e.Offset)
	if cause != "" {
		e.TriggerTime = w.now.Add(-10 * time.Millisecond)
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
	for _, eventType := range types {
		last = w.event(key, eventType, last)
		w.pulse(500 * time.Millisecond)
	}
	return last
}

func (w *world) fail(f flow.Failure) {
	f.Place, f.FlowName = w.place(), "order"
	w.batch.Failures = append(w.batch.Failures, ledger.FailureOf(&f, w.now))
	w.took(w.tracker.Fail(&f))
}

// queue says what the next pulses see of a service's queue.
func (w *world) queue(service string, ready, unacked, consumers int64) {
	w.queues[service] = flow.QueueSeen{Service: service, Queue: service, Ready: ready, Unacked: unacked, Consumers: consumers}
}

func (w *world) shut(key, reason, by string) {
	c := &flow.Closing{Place: w.place(), Choreography: "order", FlowID: "F" + key, Reason: reason, By: by}
	w.took(w.tracker.Close(c))
	w.batch.Actions = append(w.batch.Actions, ledger.Action{
		At: w.now, Action: "closed", Actor: by, Choreography: "order", FlowID: c.FlowID, Reason: reason, Offset: c.Offset, Logged: true,
	})
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

// history completes so many orders, each taking three half seconds.
func (w *world) history(orders int) {
	w.t.Helper()
	for n := range orders {
		w.chain(fmt.Sprintf("old-%d", n), "order.placed", "stock.confirmed", "payment.confirmed", "order.shipped")
	}
}

// Status, Contracts, Subscribe and CloseFlow make the world an observer.
func (w *world) Status() observer.Status {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.status
	s.Log.Time, s.Log.LastPulse, s.Log.Offset, s.Log.Committed = w.now, w.now, w.offset, w.offset
	s.Flows = w.tracker.Live()
	s.Services = []observer.ServiceStatus{{Name: "payment", Queue: "payment", Announced: true, QueueSeen: true, Unacked: -1}}
	s.Evidence = []observer.EvidenceStatus{{Source: "queues", Available: true}}
	s.Unclaimed, s.Malformed = map[string]uint64{}, map[string]uint64{}
	return s
}

func (w *world) set(change func(*observer.Status)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change(&w.status)
}

func (w *world) Contracts() []*choreography.Choreography {
	return []*choreography.Choreography{w.contract}
}

func (w *world) Subscribe(n int) (<-chan flow.Transition, func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := make(chan flow.Transition, n)
	if w.flood {
		// More came than it could take before it read any.
		for len(c) < cap(c) {
			c <- flow.Transition{Choreography: "other"}
		}
	}
	w.subscribers = append(w.subscribers, c)
	return c, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.subscribers = slices.DeleteFunc(w.subscribers, func(s chan flow.Transition) bool { return s == c })
	}
}

// cut closes the channels of all subscribers, as an observer does when it stops,
// and with those that are too slow.
func (w *world) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.subscribers {
		close(s)
	}
	w.subscribers = nil
}

func (w *world) following() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.subscribers)
}

func (w *world) CloseFlow(_ context.Context, name, id, reason, by string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.refuse != nil {
		return w.refuse
	}
	w.closings = append(w.closings, flow.Closing{Choreography: name, FlowID: id, Reason: reason, By: by})
	return nil
}
