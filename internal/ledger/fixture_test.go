package ledger_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/ledger"
	"github.com/laban-io/laban/internal/testenv"
	"github.com/laban-io/laban/pkg/choreography"
	"github.com/laban-io/laban/pkg/flow"
)

// onEach runs a test on both databases.
func onEach(t *testing.T, test func(t *testing.T, url string)) {
	t.Run("SQLite", func(t *testing.T) { test(t, file(t)) })
	t.Run("PostgreSQL", func(t *testing.T) { test(t, testenv.PostgreSQL(t)) })
}

func file(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "ledger.db") }

func open(t testing.TB, url string) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(context.Background(), url, ledger.Config{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	return l
}

// writer is an observer that commits one batch after the other.
type writer struct {
	*ledger.Ledger
	epoch int64
	at    ledger.Position
}

func takeOver(t testing.TB, l *ledger.Ledger) *writer {
	t.Helper()
	epoch, err := l.TakeOver(context.Background())
	require.NoError(t, err)
	head, err := l.Head(context.Background())
	require.NoError(t, err)
	return &writer{l, epoch, head.Position}
}

// commit commits b, which ends before the record with offset next.
func (w *writer) commit(t testing.TB, b *ledger.Batch, next uint64) {
	t.Helper()
	require.NoError(t, w.try(b, next))
}

func (w *writer) try(b *ledger.Batch, next uint64) error {
	b.Epoch, b.From, b.To = w.epoch, w.at, ledger.Position{LogID: "log-1", Next: next}
	err := w.Commit(context.Background(), b)
	if err == nil {
		w.at = b.To
	}
	return err
}

// epoch is when the tests' logs begin: with nanoseconds, which must survive.
func start() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 678_901_234, time.UTC) }

func after(d time.Duration) time.Time { return start().Add(d) }

// trace returns a trace id made of a number.
func trace(n int) (id [16]byte) {
	binary.BigEndian.PutUint64(id[8:], uint64(n)+1)
	return id
}

// order is a flow of the order system after so many of its eight events.
type order struct {
	n      int // which order
	events int // how many of its events have come
	begin  time.Time
	first  uint64
}

func (o order) id() string  { return fmt.Sprintf("01J%023d", o.n) }
func (o order) key() string { return fmt.Sprintf("order-%d", o.n) }

// steps are who owes what to the happy path, and on which event.
func steps() []flow.Due {
	return []flow.Due{
		{Step: "stock.confirmed|stock.rejected", Service: "inventory", On: "order.placed", Trigger: 1, For: []string{"stock.confirmed", "stock.rejected"}},
		{Step: "notification.sent", Service: "notification", On: "order.placed", Trigger: 1, For: []string{"notification.sent"}, Side: true},
		{Step: "payment.confirmed|payment.rejected", Service: "payment", On: "stock.confirmed", Trigger: 2, For: []string{"payment.confirmed", "payment.rejected"}},
		{Step: "notification.sent", Service: "notification", On: "stock.confirmed", Trigger: 2, For: []string{"notification.sent"}, Side: true},
		{Step: "order.shipped|delivery.failed", Service: "delivery", On: "payment.confirmed", Trigger: 4, For: []string{"order.shipped", "delivery.failed"}},
		{Step: "notification.sent", Service: "notification", On: "payment.confirmed", Trigger: 4, For: []string{"notification.sent"}, Side: true},
		{Step: "notification.sent", Service: "notification", On: "order.shipped", Trigger: 6, For: []string{"notification.sent"}, Side: true},
		{Step: "stock.returned", Service: "inventory", For: []string{"stock.returned"}},
		{Step: "refund.processed", Service: "payment", For: []string{"refund.processed"}},
	}
}

// script is the happy path: type, service, and the obligation that it pays.
func script() []struct {
	kind, service string
	pays          int
} {
	return []struct {
		kind, service string
		pays          int
	}{
		{"order.placed", "order", 0}, {"stock.confirmed", "inventory", 1}, {"notification.sent", "notification", 2},
		{"payment.confirmed", "payment", 3}, {"notification.sent", "notification", 4}, {"order.shipped", "delivery", 5},
		{"notification.sent", "notification", 6}, {"notification.sent", "notification", 7},
	}
}

// spacing is how far apart the events of an order are.
const spacing = 100 * time.Millisecond

func (o order) at(event int) time.Time { return o.begin.Add(time.Duration(event-1) * spacing) }

// snapshot is the flow as it is now.
func (o order) snapshot() *flow.Snapshot {
	s := &flow.Snapshot{
		Choreography: "order", Rules: "abc", ID: o.id(), Key: o.key(), Status: flow.Running,
		Started: o.begin, Updated: o.at(o.events), First: o.first, Last: o.first + uint64(o.events) - 1, Events: o.events,
		Traces: [][16]byte{trace(o.n)}, State: []byte(fmt.Sprintf("state of %d after %d", o.n, o.events)),
	}
	if o.events >= 6 {
		s.Status, s.Outcome, s.Ended = flow.Completed, choreography.Completed, o.at(6)
	}
	for i, due := range steps() {
		due.Since, due.Deadline = o.at(max(due.Trigger, 1)), o.at(max(due.Trigger, 1)).Add(5*time.Second)
		ob := flow.Obligation{Number: i + 1, Due: due, State: flow.Open}
		if due.Trigger == 0 {
			ob.State, ob.Since, ob.Deadline = flow.Dormant, time.Time{}, time.Time{}
		} else if due.Trigger > o.events {
			continue
		}
		for e, step := range script()[:o.events] {
			if step.pays == ob.Number {
				ob.State, ob.PaidBy = flow.Met, e+1
			}
		}
		s.Obligations = append(s.Obligations, ob)
	}
	return s
}

// add adds what event number e of the order does to a batch.
func (o order) add(b *ledger.Batch, e int) {
	step := script()[e-1]
	offset := o.first + uint64(e) - 1
	b.Events = append(b.Events, ledger.Event{
		Record: flow.Event{
			Place: flow.Place{Offset: offset}, ID: fmt.Sprintf("%s-%d", o.id(), e), Source: "/shop/" + step.service, Type: step.kind,
			Key: o.key(), FlowName: "order", FlowID: o.id(), CausationID: fmt.Sprintf("%s-%d", o.id(), max(1, e-1)),
			Time: o.at(e).Add(-7 * time.Millisecond), TriggerTime: o.at(e).Add(-20 * time.Millisecond), Version: "1.4.2",
			Trace: flow.Trace{TraceID: trace(o.n), SpanID: [8]byte{1, byte(e)}, Sampled: true},
		},
		Entry: flow.Entry{Choreography: "order", FlowID: o.id(), Key: o.key(), Number: e, Cause: e - 1, LogTime: o.at(e), At: o.at(e).Add(3)},
	})
	change := flow.Transition{Choreography: "order", FlowID: o.id(), Key: o.key(), At: o.at(e), Offset: offset}
	if e == 1 {
		started, running := change, change
		started.Kind = flow.Started
		running.Kind, running.To = flow.Changed, flow.Running
		b.Transitions = append(b.Transitions, started, running)
	}
	if step.pays > 0 {
		paid := change
		paid.Kind, paid.Obligation, paid.Due = flow.Paid, step.pays, steps()[step.pays-1]
		paid.Due.Since, paid.Due.Deadline = o.at(paid.Due.Trigger), o.at(paid.Due.Trigger).Add(5*time.Second)
		paid.Duration = o.at(e).Sub(paid.Due.Since)
		b.Transitions = append(b.Transitions, paid)
	}
	if e == 6 {
		ended, completed := change, change
		ended.Kind, ended.Class, ended.Clean, ended.Duration = flow.Ended, choreography.Completed, true, o.at(6).Sub(o.begin)
		completed.Kind, completed.From, completed.To = flow.Changed, flow.Running, flow.Completed
		b.Transitions = append(b.Transitions, ended, completed)
	}
}

// whole adds an order with all that happened to it.
func (o order) whole(b *ledger.Batch) {
	for e := range o.events {
		o.add(b, e+1)
	}
	b.AddFlow(o.snapshot())
}
