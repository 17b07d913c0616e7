package observertest

import (
	"context"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/ledger"
	"github.com/laban-io/laban/pkg/choreography"
	"github.com/laban-io/laban/pkg/flow"
)

// Began is when a world's log begins.
func Began() time.Time { return time.Date(2026, 1, 2, 14, 2, 0, 0, time.UTC) }

// World is a log that a test makes, the tracker that reads it, and the ledger,
// on SQLite, that keeps what the tracker finds. One goroutine makes the log.
type World struct {
	*Observer
	Tracker *flow.Tracker
	Ledger  *ledger.Ledger
	// Batch is what the next Commit writes, and Offset that of the last record.
	Batch  ledger.Batch
	Offset uint64
	// InHand is how long an event's maker has had what caused it.
	InHand time.Duration

	t      testing.TB
	at     ledger.Position
	queues map[string]flow.QueueSeen
}

// New begins a world whose log has one pulse.
func New(t testing.TB, contracts ...*choreography.Choreography) *World {
	t.Helper()
	ctx := context.Background()
	l, err := ledger.Open(ctx, "sqlite:"+filepath.Join(t.TempDir(), "ledger.db"), ledger.Config{Volatile: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	epoch, err := l.TakeOver(ctx)
	require.NoError(t, err)
	w := &World{
		Observer: newObserver(epoch), Tracker: flow.New(flow.Config{}), Ledger: l, InHand: 10 * time.Millisecond,
		t: t, queues: map[string]flow.QueueSeen{},
	}
	w.Batch.Epoch = epoch
	for _, c := range contracts {
		w.Rules(c)
	}
	w.Pulse(0)
	return w
}

// Rules puts a contract in force, in the place of one of its name.
func (w *World) Rules(c *choreography.Choreography) {
	w.knows(c)
	w.Took(w.Tracker.Rules(&flow.Rules{Place: w.Place(), Choreography: c}))
	w.Batch.Contracts = append(w.Batch.Contracts, ledger.ContractOf(c, w.Offset))
}

// Place is that of the next record.
func (w *World) Place() flow.Place {
	w.Offset++
	return flow.Place{Offset: w.Offset}
}

// Took takes what a record caused.
func (w *World) Took(transitions []flow.Transition) {
	w.Batch.Transitions = append(w.Batch.Transitions, slices.Clone(transitions)...)
	w.tell(transitions)
}

// Pulse advances log time by d, in the steps of an observer.
func (w *World) Pulse(d time.Duration) {
	for {
		step := min(d, 250*time.Millisecond)
		now := w.Advance(step)
		queues := make([]flow.QueueSeen, 0, len(w.queues))
		for _, q := range w.queues {
			queues = append(queues, q)
		}
		slices.SortFunc(queues, func(a, b flow.QueueSeen) int { return strings.Compare(a.Service, b.Service) })
		w.Took(w.Tracker.Pulse(&flow.Pulse{Place: w.Place(), Time: now, Queues: queues}))
		if d -= step; d <= 0 {
			return
		}
	}
}

// emitter returns the service of the order system that emits a type.
func emitter(eventType string) string {
	switch eventType {
	case "stock.confirmed", "stock.rejected", "stock.returned":
		return "inventory"
	case "payment.confirmed", "payment.rejected", "refund.processed":
		return "payment"
	case "order.shipped", "delivery.failed", "order.canceled", "order.cancel_refused":
		return "delivery"
	case "notification.sent":
		return "notification"
	case "order.placed", "order.cancel_requested":
		return "order"
	}
	return ""
}

// Event publishes an event of an order, caused by another, and returns its id.
// It is published as soon as it is made.
func (w *World) Event(key, eventType, cause string, change ...func(*flow.Event)) string {
	now := w.Now()
	e := &flow.Event{
		Place: w.Place(), Source: emitter(eventType), Type: eventType, Key: key,
		FlowName: "order", FlowID: "F" + key, CausationID: cause, Time: now, Version: "1.4.2",
	}
	e.ID = fmt.Sprintf("e%d", e.Offset)
	if cause != "" {
		e.TriggerTime = now.Add(-w.InHand)
	}
	e.Trace.TraceID, e.Trace.Sampled = [16]byte{1, 2, 3}, true
	copy(e.Trace.TraceID[8:], key)
	binary.BigEndian.PutUint64(e.Trace.SpanID[:], e.Offset)
	for _, c := range change {
		c(e)
	}
	r := w.Tracker.Observe(e)
	for _, entry := range r.Entries {
		w.Batch.Events = append(w.Batch.Events, ledger.Event{Record: *e, Entry: entry})
	}
	w.Took(r.Transitions)
	return e.ID
}

// Chain publishes events that cause each other, half a second apart.
func (w *World) Chain(key string, types ...string) (last string) {
	for _, eventType := range types {
		last = w.Event(key, eventType, last)
		w.Pulse(500 * time.Millisecond)
	}
	return last
}

// Completed completes so many orders, each taking three half seconds.
func (w *World) Completed(orders int) {
	for n := range orders {
		w.Chain(fmt.Sprintf("old-%d", n), "order.placed", "stock.confirmed", "payment.confirmed", "order.shipped")
	}
}

// Fail reports that a service failed with an event of an order.
func (w *World) Fail(f flow.Failure) {
	f.Place, f.FlowName = w.Place(), "order"
	w.Batch.Failures = append(w.Batch.Failures, ledger.FailureOf(&f, w.Now()))
	w.Took(w.Tracker.Fail(&f))
}

// Queue says what the next pulses see of a service's queue.
func (w *World) Queue(service string, ready, unacked, consumers int64) {
	w.queues[service] = flow.QueueSeen{Service: service, Queue: service, Ready: ready, Unacked: unacked, Consumers: consumers}
}

// Shut has a person close the flow of an order.
func (w *World) Shut(key, reason, by string) {
	c := &flow.Closing{Place: w.Place(), Choreography: "order", FlowID: "F" + key, Reason: reason, By: by}
	w.Took(w.Tracker.Close(c))
	w.Batch.Actions = append(w.Batch.Actions, ledger.Action{
		At: w.Now(), Action: "closed", Actor: by, Choreography: "order", FlowID: c.FlowID, Reason: reason, Offset: c.Offset, Logged: true,
	})
}

// Commit writes all of this into the ledger.
func (w *World) Commit() {
	w.t.Helper()
	w.Tracker.Changed(func(s *flow.Snapshot) { w.Batch.AddFlow(s) })
	w.Batch.From, w.Batch.To = w.at, ledger.Position{LogID: logID, Next: w.Offset + 1}
	epoch := w.Batch.Epoch
	require.NoError(w.t, w.Ledger.Commit(context.Background(), &w.Batch))
	w.at = w.Batch.To
	w.committed(w.Offset, w.Tracker.Live())
	w.Batch.Reset()
	w.Batch.Epoch = epoch
}
