package flow_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/choreography"
	"github.com/laban-io/laban/pkg/flow"
)

// as makes an event one of another flow, or one that names none.
func as(flowID, key string) func(*flow.Event) {
	return func(e *flow.Event) { e.FlowID, e.Key = flowID, key }
}

// flowOf returns the flow that took the last event.
func (s *scenario) observe(e *flow.Event) flow.Result {
	e.Place = s.place()
	r := s.tracker.Observe(e)
	s.say(r.Transitions)
	return r
}

func keyed(id, eventType, key string) *flow.Event {
	return &flow.Event{ID: id, Type: eventType, Source: emitters[eventType], Key: key}
}

func TestAKeyComesBack(t *testing.T) {
	s := begin(t)
	first := s.observe(keyed("1", "order.placed", "A")).Entries[0].FlowID
	require.Equal(t, first, s.observe(keyed("2", "stock.rejected", "A")).Entries[0].FlowID)
	s.pulse(time.Second)
	require.Equal(t, first, s.observe(keyed("2", "stock.rejected", "A")).Entries[0].FlowID, "a duplicate is of the flow that had it")
	require.Equal(t, first, s.observe(keyed("1", "order.placed", "A")).Entries[0].FlowID, "also of a start")
	require.Equal(t, first, s.observe(keyed("3", "notification.sent", "A")).Entries[0].FlowID, "what starts nothing is of the flow that ended")
	second := s.observe(keyed("4", "order.placed", "A")).Entries[0].FlowID
	require.NotEqual(t, first, second)
	require.Equal(t, second, s.observe(keyed("5", "stock.confirmed", "A")).Entries[0].FlowID)
	require.Equal(t, second, s.observe(keyed("6", "order.placed", "A")).Entries[0].FlowID, "a start while one is under way is of that")
	f, _ := s.tracker.Flow("order", first)
	require.Equal(t, flow.Failed, f.Status)
	f, _ = s.tracker.Flow("order", second)
	require.Equal(t, flow.Running, f.Status)
}

func TestAnOutcomeBeforeItsStartIsOfTheSameFlow(t *testing.T) {
	s := begin(t)
	early := s.observe(keyed("2", "stock.rejected", "A")).Entries[0].FlowID
	f, _ := s.tracker.Flow("order", early)
	require.Equal(t, flow.Unknown, f.Status)
	s.pulse(time.Second)
	require.Equal(t, 1, s.tracker.Live())
	require.Equal(t, early, s.observe(keyed("1", "order.placed", "A")).Entries[0].FlowID)
	f, _ = s.tracker.Flow("order", early)
	require.Equal(t, flow.Failed, f.Status)
}

func TestEventsWithAnIDAndEventsWithoutMeet(t *testing.T) {
	s := begin(t)
	placed := s.event("order.placed", "")
	r := s.observe(keyed("foreign", "stock.confirmed", "1042"))
	require.Equal(t, "F1042", r.Entries[0].FlowID)
	s.event("payment.confirmed", "foreign")
	s.event("order.shipped", "")
	s.status(flow.Completed)
	require.NotEmpty(t, placed)
}

func TestALateEventOfAForgottenFlowTakesNoKeyAway(t *testing.T) {
	s := begin(t)
	s.event("order.placed", "", as("new", "A"))
	s.event("notification.sent", "", as("old", "A"))
	require.Equal(t, "new", s.observe(keyed("x", "stock.confirmed", "A")).Entries[0].FlowID)
	s.event("order.placed", "", as("newer", "A"))
	require.Equal(t, "newer", s.observe(keyed("y", "stock.confirmed", "A")).Entries[0].FlowID)
}

func TestAnEventThatNoFlowTakes(t *testing.T) {
	s := begin(t)
	for want, e := range map[flow.Unclaimed]flow.Event{
		flow.NoKey:          {Type: "order.placed"},
		flow.NoChoreography: {Type: "unheard.of", Key: "A"},
	} {
		r := s.observe(&e)
		require.Equal(t, want, r.Unclaimed)
		require.Empty(t, r.Entries)
	}
	require.Equal(t, flow.NoChoreography, s.observe(&flow.Event{Type: "order.placed", FlowName: "other", FlowID: "1"}).Unclaimed)
	r := s.observe(&flow.Event{Type: "unheard.of", FlowName: "order", FlowID: "1", ID: "1"})
	require.Equal(t, flow.Claimed, r.Unclaimed, "it says which flow it is of")
	require.Equal(t, flow.UnknownType, r.Transitions[0].Deviation)
}

func TestAnEventMayBeOfTwoChoreographies(t *testing.T) {
	mails := &choreography.Choreography{
		Name: "mails", Hash: "mails-1", Starts: []string{"order.placed"}, Outcomes: choreography.Outcomes{Completed: []string{"notification.sent"}},
		Idle: time.Minute,
	}
	s := begin(t, orderContract(), mails)
	r := s.observe(keyed("1", "order.placed", "A"))
	require.Len(t, r.Entries, 2)
	require.Equal(t, "mails", r.Entries[0].Choreography)
	require.Equal(t, "order", r.Entries[1].Choreography)
	s.observe(keyed("2", "notification.sent", "A"))
	f, _ := s.tracker.Flow("mails", r.Entries[0].FlowID)
	require.Equal(t, flow.Completed, f.Status)
}

func TestAFlowKeepsTheRulesItBeganWith(t *testing.T) {
	s := begin(t)
	s.observe(keyed("1", "order.placed", "A"))
	changed := &choreography.Choreography{
		Name: "order", Hash: "order-2", Starts: []string{"order.placed"}, Idle: time.Minute,
		Outcomes: choreography.Outcomes{Completed: []string{"order.placed"}},
	}
	s.say(s.tracker.Rules(&flow.Rules{Place: s.place(), Choreography: changed}))
	require.Len(t, s.observe(keyed("2", "stock.rejected", "A")).Entries, 1, "the flow knows the type, though the new rules do not")
	require.Equal(t, flow.NoChoreography, s.observe(keyed("3", "stock.rejected", "B")).Unclaimed)
	r := s.observe(keyed("4", "order.placed", "B"))
	for key, want := range map[string]flow.Status{"A": flow.Failed, "B": flow.Completed} {
		id := r.Entries[0].FlowID
		if key == "A" {
			id = "A@3"
		}
		f, known := s.tracker.Flow("order", id)
		require.True(t, known)
		require.Equal(t, want, f.Status)
	}
	f, _ := s.tracker.Flow("order", r.Entries[0].FlowID)
	require.Equal(t, "order-2", f.Rules)
}

func TestAHostileIDTakesNoFlowAway(t *testing.T) {
	s := begin(t)
	s.event("order.placed", "", as("A@4", ""))
	r := s.observe(keyed("1", "order.placed", "A")) // at offset 4
	require.NotEqual(t, "A@4", r.Entries[0].FlowID)
	require.Equal(t, 2, s.tracker.Live())
}

func TestDuplicatesAreOfOneIDAndSource(t *testing.T) {
	s := begin(t)
	s.event("order.placed", "")
	same := func(source string) func(*flow.Event) {
		return func(e *flow.Event) { e.ID, e.Source = "x", source }
	}
	s.event("stock.confirmed", "", same("inventory"))
	s.event("stock.confirmed", "", same("inventory"))
	require.Equal(t, []string{"deviated duplicate stock.confirmed"}, s.tells(flow.Deviated))
	s.event("payment.confirmed", "", same("payment"))
	require.Empty(t, s.tells(flow.Deviated))
	require.Equal(t, 3, s.snapshot().Events)
	nameless := func(e *flow.Event) { e.ID = "" }
	s.event("notification.sent", "", nameless)
	s.event("notification.sent", "", nameless)
	require.Equal(t, 5, s.snapshot().Events, "without an id nothing is known to be a duplicate")
}

// TestTwoOfOneTriggerNeedTwoAnswers: two events of one type are two events.
func TestTwoOfOneTriggerNeedTwoAnswers(t *testing.T) {
	s := begin(t)
	s.event("order.placed", "")
	s.event("order.placed", "")
	s.event("stock.confirmed", "")
	open := func() (n int) {
		for _, o := range s.snapshot().Obligations {
			if o.State == flow.Open && o.Service == "inventory" {
				n++
			}
		}
		return n
	}
	require.Equal(t, 1, open())
	s.pulse(6 * time.Second)
	require.Contains(t, s.tells(flow.Overdue), "overdue inventory stock.confirmed|stock.rejected unknown")
	s.event("stock.confirmed", "")
	require.Zero(t, open())
}
