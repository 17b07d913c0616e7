package flow_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/flow"
)

// queue is what an observer sees of payment's queue.
func queue(change func(*flow.QueueSeen)) flow.QueueSeen {
	q := flow.QueueSeen{Service: "payment", Queue: "payment", Consumers: 2}
	change(&q)
	return q
}

// TestEachCauseIsReadFromItsEvidence stalls payment, which owes an answer to
// stock.confirmed, after what the log says of why.
func TestEachCauseIsReadFromItsEvidence(t *testing.T) {
	const id = "e2" // of stock.confirmed
	flowName, flowID := "order", "F1042"
	saw := func(change func(*flow.QueueSeen)) func(*scenario) {
		return func(s *scenario) { s.pulse(0, queue(change)) }
	}
	announced := func(s *scenario, attempts int, bindings ...string) {
		s.say(s.tracker.Announce(&flow.Announcement{Place: s.place(), Service: "payment", Version: "1", Instance: "i", Queue: "payment", Bindings: bindings, Attempts: attempts}))
	}
	failed := func(s *scenario, parked bool, attempt int, text string) {
		s.say(s.tracker.Fail(&flow.Failure{
			Place: s.place(), EventID: id, Type: "stock.confirmed", FlowName: flowName, FlowID: flowID, Service: "payment",
			Parked: parked, Attempt: attempt, Error: text,
		}))
	}
	stray := func(s *scenario, lost bool) {
		s.say(s.tracker.Stray(&flow.Stray{Place: s.place(), EventID: id, Type: "stock.confirmed", FlowName: flowName, FlowID: flowID, Service: "payment", Lost: lost}))
	}
	for name, c := range map[string]struct {
		log  func(*scenario)
		want flow.Finding
	}{
		"nothing is known": {func(*scenario) {}, flow.Finding{Cause: flow.CauseUnknown, Certainty: flow.Guess, Evidence: "nothing is known of the queue of payment"}},
		"announced, not looked at": {
			func(s *scenario) { announced(s, 0, "stock.*") },
			flow.Finding{Cause: flow.CauseUnknown, Certainty: flow.Guess, Evidence: "the queue of payment has not been looked at"},
		},
		"unrouted": {func(s *scenario) { stray(s, false) }, flow.Finding{Cause: flow.Unrouted, Certainty: flow.Certain, Evidence: "no queue took stock.confirmed"}},
		"lost": {func(s *scenario) { stray(s, true) }, flow.Finding{
			Cause: flow.Lost, Certainty: flow.Certain, Evidence: "a copy of stock.confirmed for payment found no queue; it is in the queue of lost messages",
		}},
		"parked": {func(s *scenario) { failed(s, true, 5, "no such card") }, flow.Finding{
			Cause: flow.Parked, Certainty: flow.Certain, Evidence: "payment gave up on stock.confirmed after 5 attempts: no such card",
		}},
		"parked at once": {func(s *scenario) { failed(s, true, 1, "no") }, flow.Finding{
			Cause: flow.Parked, Certainty: flow.Certain, Evidence: "payment gave up on stock.confirmed after 1 attempt: no",
		}},
		"retrying": {func(s *scenario) { failed(s, false, 2, "timeout") }, flow.Finding{
			Cause: flow.Retrying, Certainty: flow.Certain, Evidence: "payment waits for attempt 2 at stock.confirmed after: timeout",
		}},
		"retrying, of so many": {func(s *scenario) { announced(s, 5, "#"); failed(s, false, 2, "timeout") }, flow.Finding{
			Cause: flow.Retrying, Certainty: flow.Certain, Evidence: "payment waits for attempt 2 of 5 at stock.confirmed after: timeout",
		}},
		"retried, then parked": {func(s *scenario) { failed(s, false, 2, "a"); failed(s, true, 3, "b") }, flow.Finding{
			Cause: flow.Parked, Certainty: flow.Certain, Evidence: "payment gave up on stock.confirmed after 3 attempts: b",
		}},
		"parked, then put back": {func(s *scenario) {
			failed(s, true, 3, "b")
			s.say(s.tracker.Redrive(&flow.Redrive{Place: s.place(), EventID: id, FlowName: flowName, FlowID: flowID, Service: "payment"}))
		}, flow.Finding{Cause: flow.CauseUnknown, Certainty: flow.Guess, Evidence: "nothing is known of the queue of payment"}},
		"not bound": {saw(func(q *flow.QueueSeen) {
			q.Bindings, q.BindingsKnown = []string{"order.*", "stock.confirmed.#.x"}, true
		}), flow.Finding{
			Cause: flow.NotBound, Certainty: flow.Certain, Evidence: "the queue of payment does not ask for stock.confirmed",
		}},
		"not bound, as announced": {func(s *scenario) { announced(s, 0, "stock.rejected") }, flow.Finding{
			Cause: flow.NotBound, Certainty: flow.Likely, Evidence: "by what payment announced, its queue does not ask for stock.confirmed",
		}},
		"bound, whatever was announced": {
			func(s *scenario) {
				announced(s, 0, "nothing")
				s.pulse(0, queue(func(q *flow.QueueSeen) { q.Bindings, q.BindingsKnown, q.Ready = []string{"#.confirmed"}, true, 3 }))
			},
			flow.Finding{Cause: flow.Backlog, Certainty: flow.Likely, Evidence: "3 messages wait in the queue payment, which has 2 consumers"},
		},
		"no queue, of those observed elsewhere": {saw(func(q *flow.QueueSeen) { q.Missing, q.Assumed = true, true }), flow.Finding{
			Cause: flow.CauseUnknown, Certainty: flow.Guess,
			Evidence: "nothing says which queue is that of payment, and none is called so; name it in the observer's configuration, under queues",
		}},
		"a queue that can't be looked at": {saw(func(q *flow.QueueSeen) { q.Hidden, q.Unacked, q.Consumers = true, -1, 0 }), flow.Finding{
			Cause: flow.CauseUnknown, Certainty: flow.Guess,
			Evidence: "the queue payment can't be looked at without the broker's management API: it is one connection's own, or not this user's",
		}},
		"no queue": {saw(func(q *flow.QueueSeen) { q.Missing = true }), flow.Finding{Cause: flow.NotBound, Certainty: flow.Certain, Evidence: "there is no queue payment"}},
		"no consumer": {saw(func(q *flow.QueueSeen) { q.Consumers, q.Ready = 0, 1 }), flow.Finding{
			Cause: flow.NoConsumer, Certainty: flow.Certain, Evidence: "nobody consumes the queue payment; 1 message waits",
		}},
		"no consumer, and nothing waits": {saw(func(q *flow.QueueSeen) { q.Consumers = 0 }), flow.Finding{
			Cause: flow.NoConsumer, Certainty: flow.Likely,
			Evidence: "nobody consumes the queue payment, in which nothing waits: the message was taken before, or never came to it",
		}},
		"backlog": {saw(func(q *flow.QueueSeen) { q.Ready, q.Consumers = 1, 1 }), flow.Finding{
			Cause: flow.Backlog, Certainty: flow.Likely, Evidence: "1 message waits in the queue payment, which has 1 consumer",
		}},
		"taken": {saw(func(q *flow.QueueSeen) { q.Unacked = 1 }), flow.Finding{
			Cause: flow.Taken, Certainty: flow.Likely, Evidence: "payment has 1 message in hand that it has not settled",
		}},
		"taken, as far as can be seen": {saw(func(q *flow.QueueSeen) { q.Unacked, q.Bindings, q.BindingsKnown = -1, []string{"#"}, true }), flow.Finding{
			Cause: flow.Taken, Certainty: flow.Guess,
			Evidence: "the queue payment is empty, so the message was delivered; whether it was settled is not known without the broker's management API",
		}},
		"taken, if it came": {saw(func(q *flow.QueueSeen) { q.Unacked = -1 }), flow.Finding{
			Cause: flow.Taken, Certainty: flow.Guess,
			Evidence: "the queue payment is empty, so the message was delivered or never came to it; whether it was settled is not known without the broker's management API",
		}},
		"counted too early": {func(s *scenario) {
			s.pulse(0, queue(func(q *flow.QueueSeen) {
				q.Bindings, q.BindingsKnown, q.Counted = []string{"#"}, true, s.now.Add(-20*time.Second)
			}))
		}, flow.Finding{
			Cause: flow.Taken, Certainty: flow.Guess,
			Evidence: "the queue payment is empty, so the message was delivered; what is not settled has not been counted since the deadline",
		}},
		"silent": {saw(func(q *flow.QueueSeen) { q.Bindings, q.BindingsKnown = []string{"#"}, true }), flow.Finding{
			Cause: flow.Silent, Certainty: flow.Likely, Evidence: "the queue payment is empty, all that was delivered is settled, and no answer came",
		}},
		"silent, if it came": {saw(func(*flow.QueueSeen) {}), flow.Finding{
			Cause: flow.Silent, Certainty: flow.Guess,
			Evidence: "the queue payment is empty, all that was delivered is settled, and no answer came; or the message never came to it, since how it is bound is not known",
		}},
	} {
		for when, late := range map[string]bool{"before it stalls": false, "after": true} {
			t.Run(name+", "+when, func(t *testing.T) {
				s := begin(t)
				placed := s.event("order.placed", "")
				require.Equal(t, id, s.event("stock.confirmed", placed))
				if late {
					s.pulse(11 * time.Second)
					c.log(s)
				} else {
					c.log(s)
					s.pulse(11 * time.Second)
				}
				stalled := s.tracker.Survey().Stalled
				require.Len(t, stalled, 1)
				require.Equal(t, c.want.Cause, stalled[0].Cause)
				require.Equal(t, "payment", stalled[0].Service)
				said := slicesLast(s.said, func(tr flow.Transition) bool { return tr.Kind == flow.Overdue || tr.Kind == flow.Reasoned })
				require.Equal(t, c.want, said.Finding)
				require.Equal(t, "stock.confirmed", said.Due.On)
				require.Equal(t, [8]byte{2}, said.Trace.SpanID, "the trigger's span")
				for _, o := range s.snapshot().Obligations {
					if o.State == flow.Open && o.Service == "payment" {
						require.Equal(t, c.want, o.Finding)
					}
				}
			})
		}
	}
}

func slicesLast(all []flow.Transition, is func(flow.Transition) bool) flow.Transition {
	for i := len(all) - 1; i >= 0; i-- {
		if is(all[i]) {
			return all[i]
		}
	}
	return flow.Transition{}
}

// TestAServiceThatComesAndGoesIsToldAtOnce tells of consumers that come and go
// as they do, and of what else changes back and forth only now and then.
func TestAServiceThatComesAndGoesIsToldAtOnce(t *testing.T) {
	s := begin(t)
	placed := s.event("order.placed", "")
	s.event("stock.confirmed", placed)
	s.pulse(11 * time.Second)
	s.tells()
	for range 8 { // back and forth within five seconds
		s.pulse(250*time.Millisecond, queue(func(q *flow.QueueSeen) { q.Ready = 1 }))
		s.pulse(250*time.Millisecond, queue(func(*flow.QueueSeen) {}))
	}
	require.Equal(t, []string{"reasoned payment payment.confirmed|payment.rejected backlog"}, s.tells(flow.Reasoned))
	s.pulse(250*time.Millisecond, queue(func(q *flow.QueueSeen) { q.Consumers = 0 }))
	require.Equal(t, []string{"reasoned payment payment.confirmed|payment.rejected no-consumer"}, s.tells(flow.Reasoned))
}

// TestSilenceIsNotTakenBackByOtherMessages: a message that was settled without
// an answer is not in the queue any more, whatever comes to it later.
func TestSilenceIsNotTakenBackByOtherMessages(t *testing.T) {
	empty := queue(func(q *flow.QueueSeen) { q.Consumers = 1 })
	busy := queue(func(q *flow.QueueSeen) { q.Consumers, q.Unacked = 1, 1 })
	gone := queue(func(q *flow.QueueSeen) { q.Consumers, q.Ready = 0, 7 })
	s := begin(t)
	placed := s.event("order.placed", "")
	stock := s.event("stock.confirmed", placed)
	s.pulse(11*time.Second, empty)
	paymentCause := func() flow.Cause {
		for _, stalled := range s.tracker.Survey().Stalled {
			if stalled.Service == "payment" {
				return stalled.Cause
			}
		}
		return flow.CauseUnknown
	}
	require.Equal(t, flow.Silent, paymentCause())
	s.pulse(6*time.Second, busy)
	require.Equal(t, flow.Taken, paymentCause(), "what was seen first may have been old")
	s.pulse(12*time.Second, empty)
	require.Equal(t, flow.Silent, paymentCause())
	s.pulse(6*time.Second, busy)
	require.Equal(t, flow.Silent, paymentCause())
	s.pulse(6*time.Second, gone)
	require.Equal(t, flow.Silent, paymentCause())
	s.say(s.tracker.Redrive(&flow.Redrive{Place: s.place(), EventID: stock, FlowName: "order", FlowID: "F1042", Service: "payment"}))
	s.pulse(time.Second, gone)
	require.Equal(t, flow.NoConsumer, paymentCause(), "there is a message again")
}

// TestWhatWasCountedBeforeTheDeadlineIsCountedAgain: a broker's management API
// counts now and then, and says nothing of a message that came after.
func TestWhatWasCountedBeforeTheDeadlineIsCountedAgain(t *testing.T) {
	counted := func(s *scenario, ago time.Duration, unacked int64) {
		at := s.now.Add(250 * time.Millisecond)
		s.pulse(250*time.Millisecond, queue(func(q *flow.QueueSeen) { q.Consumers, q.Unacked, q.Counted = 1, unacked, at.Add(-ago) }))
	}
	s := begin(t)
	placed := s.event("order.placed", "")
	s.event("stock.confirmed", placed)
	s.pulse(9 * time.Second)
	counted(s, 0, 0)
	s.pulse(2 * time.Second) // the deadline passes
	said := func() []string { return s.tells(flow.Overdue, flow.Reasoned) }
	require.Contains(t, said(), "overdue payment payment.confirmed|payment.rejected taken")
	counted(s, 5*time.Second, 0)
	require.Empty(t, said(), "that was before the deadline, too")
	counted(s, 0, 1)
	require.Equal(t, []string{"reasoned payment payment.confirmed|payment.rejected taken"}, said(), "now it is likely")
	counted(s, 0, 0)
	require.Empty(t, said())
	s.pulse(6 * time.Second)
	counted(s, 0, 0)
	require.Equal(t, []string{"reasoned payment payment.confirmed|payment.rejected silent"}, said())
}

func TestADeadEndIsACauseOfItsOwn(t *testing.T) {
	c := orderContract()
	c.Outcomes.Failed = []string{"payment.rejected"}
	s := begin(t, c)
	placed := s.event("order.placed", "")
	rejected := s.event("stock.rejected", placed)
	s.event("notification.sent", placed)
	s.event("notification.sent", rejected)
	s.pulse(60 * time.Second)
	s.status(flow.Running)
	s.pulse(500 * time.Millisecond)
	s.status(flow.Stalled)
	require.Equal(t, []string{"overdue inventory dead-end " + flow.DeadEnd.String(), "changed running→stalled"}, s.tells(flow.Overdue, flow.Changed)[1:])
	stalled := s.tracker.Survey().Stalled
	require.Equal(t, flow.DeadEnd, stalled[0].Cause)
	o := s.snapshot().Obligations[0]
	require.Equal(t, 0, o.Number)
	require.Equal(t, "stock.rejected", o.On)
	require.Equal(t, flow.Finding{Cause: flow.DeadEnd, Certainty: flow.Certain, Evidence: "the flow has no outcome and by its contract nobody owes it anything"}, o.Finding)
	require.Equal(t, time.Minute, o.Deadline.Sub(o.Since))
	s.event("payment.rejected", "")
	s.status(flow.Failed)
	require.Equal(t, []string{"recovered inventory dead-end", "changed stalled→failed", "ended failed"}, s.tells(flow.Recovered, flow.Changed, flow.Ended))
	o = s.snapshot().Obligations[0]
	require.Equal(t, flow.Met, o.State, "of the dead end that is over")
	require.Equal(t, 5, o.PaidBy)
	require.Empty(t, s.tracker.Survey().Stalled)
}
