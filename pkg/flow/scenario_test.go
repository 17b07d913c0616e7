package flow_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/choreography"
	"github.com/laban-io/laban/pkg/flow"
)

// orderContract is the order system's, as DESIGN gives it.
func orderContract() *choreography.Choreography {
	on := func(types ...string) choreography.Trigger { return choreography.Trigger{Any: types} }
	one := func(s ...string) []string { return s }
	return &choreography.Choreography{
		Name: "order", Hash: "order-1", Idle: 60 * time.Second,
		Starts: one("order.placed"),
		Outcomes: choreography.Outcomes{
			Completed: one("order.shipped"),
			Failed:    one("stock.rejected", "payment.rejected", "delivery.failed", "order.canceled"),
		},
		Reactions: []choreography.Reaction{
			{Services: one("order"), Emits: one("order.placed", "order.cancel_requested")},
			{Services: one("inventory"), On: on("order.placed"), Emits: one("stock.confirmed", "stock.rejected"), Within: 5 * time.Second},
			{Services: one("payment"), On: on("stock.confirmed"), Emits: one("payment.confirmed", "payment.rejected"), Within: 10 * time.Second},
			{Services: one("delivery"), On: on("payment.confirmed"), Emits: one("order.shipped", "delivery.failed"), Within: 30 * time.Second, Unless: one("order.canceled")},
			{Services: one("delivery"), On: on("order.cancel_requested"), Emits: one("order.canceled", "order.cancel_refused"), Within: 5 * time.Second},
			{Services: one("inventory"), On: on("payment.rejected", "order.canceled", "delivery.failed"), Undoes: "stock.confirmed", Emits: one("stock.returned"), Within: 5 * time.Second},
			{Services: one("payment"), On: on("order.canceled", "delivery.failed"), Undoes: "payment.confirmed", Emits: one("refund.processed"), Within: 10 * time.Second},
			{Services: one("inventory", "payment"), On: on("order.cancel_requested")},
			{Services: one("order"), On: on("stock.rejected", "payment.rejected", "delivery.failed", "order.shipped", "order.canceled", "order.cancel_refused", "stock.returned", "refund.processed")},
			{Services: one("notification"), On: on("order.placed", "stock.confirmed", "stock.rejected", "payment.confirmed", "payment.rejected", "order.shipped", "delivery.failed", "order.canceled", "order.cancel_refused", "refund.processed"),
				Emits: one("notification.sent"), Within: 60 * time.Second, Side: true},
		},
	}
}

// emitters say which service emits a type of the order system.
var emitters = map[string]string{
	"order.placed": "order", "order.cancel_requested": "order",
	"stock.confirmed": "inventory", "stock.rejected": "inventory", "stock.returned": "inventory",
	"payment.confirmed": "payment", "payment.rejected": "payment", "refund.processed": "payment",
	"order.shipped": "delivery", "delivery.failed": "delivery", "order.canceled": "delivery", "order.cancel_refused": "delivery",
	"notification.sent": "notification",
}

// scenario tells a tracker a log, and keeps what it says.
type scenario struct {
	t       *testing.T
	tracker *flow.Tracker
	offset  uint64
	now     time.Time
	next    int
	said    []flow.Transition
}

func begin(t *testing.T, contracts ...*choreography.Choreography) *scenario {
	return beginWith(t, flow.Config{}, contracts...)
}

func beginWith(t *testing.T, cfg flow.Config, contracts ...*choreography.Choreography) *scenario {
	t.Helper()
	if len(contracts) == 0 {
		contracts = append(contracts, orderContract())
	}
	s := &scenario{t: t, tracker: flow.New(cfg), now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	for _, c := range contracts {
		s.tracker.Rules(&flow.Rules{Place: s.place(), Choreography: c})
	}
	s.pulse(0)
	return s
}

func (s *scenario) place() flow.Place {
	s.offset++
	return flow.Place{Offset: s.offset}
}

func (s *scenario) say(ts []flow.Transition) { s.said = append(s.said, slices.Clone(ts)...) }

// pulse advances log time by d in steps of 250 ms, as an observer does.
func (s *scenario) pulse(d time.Duration, queues ...flow.QueueSeen) {
	const step = 250 * time.Millisecond
	for ; d > step; d -= step {
		s.now = s.now.Add(step)
		s.say(s.tracker.Pulse(&flow.Pulse{Place: s.place(), Time: s.now, Queues: queues}))
	}
	s.now = s.now.Add(d)
	s.say(s.tracker.Pulse(&flow.Pulse{Place: s.place(), Time: s.now, Queues: queues}))
}

// event publishes an event of flow 1042, caused by the event with the id cause
// or by none. It returns the id.
func (s *scenario) event(eventType, cause string, change ...func(*flow.Event)) string {
	s.next++
	e := &flow.Event{
		Place: s.place(), ID: fmt.Sprintf("e%d", s.next), Source: emitters[eventType], Type: eventType, Key: "1042",
		FlowName: "order", FlowID: "F1042", CausationID: cause, Time: s.now,
		Trace: flow.Trace{TraceID: [16]byte{1}, SpanID: [8]byte{byte(s.next)}, Sampled: true},
	}
	for _, c := range change {
		c(e)
	}
	id := e.ID
	s.say(s.tracker.Observe(e).Transitions)
	return id
}

func (s *scenario) status(want flow.Status) {
	s.t.Helper()
	require.Equal(s.t, want.String(), s.snapshot().Status.String())
}

func (s *scenario) snapshot() *flow.Snapshot {
	s.t.Helper()
	f, ok := s.tracker.Flow("order", "F1042")
	require.True(s.t, ok, "the flow is known")
	return f
}

// tells returns the transitions of these kinds in a line each, and forgets all.
func (s *scenario) tells(kinds ...flow.Kind) []string {
	var lines []string
	for _, tr := range s.said {
		if !slices.Contains(kinds, tr.Kind) {
			continue
		}
		line := []string{tr.Kind.String()}
		switch tr.Kind {
		case flow.Changed:
			line = append(line, tr.From.String()+"→"+tr.To.String())
		case flow.Deviated:
			line = append(line, tr.Deviation.String(), tr.Detail)
		case flow.Ended:
			line = append(line, tr.Class.String())
		case flow.Paid, flow.Overdue, flow.Reasoned, flow.Recovered, flow.Lifted:
			line = append(line, tr.Due.Service, tr.Due.Step)
			if tr.Kind == flow.Overdue || tr.Kind == flow.Reasoned {
				line = append(line, tr.Finding.Cause.String())
			}
		default:
		}
		lines = append(lines, strings.Join(line, " "))
	}
	s.said = nil
	return lines
}
