package flow_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/flow"
)

// TestNoClockOfAProducerMatters runs orders by services whose clocks are an hour
// fast or slow, or nowhere at all.
func TestNoClockOfAProducerMatters(t *testing.T) {
	for name, wrong := range map[string]func(time.Time) time.Time{
		"fast":    func(at time.Time) time.Time { return at.Add(time.Hour) },
		"slow":    func(at time.Time) time.Time { return at.Add(-time.Hour) },
		"unknown": func(time.Time) time.Time { return time.Time{} },
		"absurd":  func(time.Time) time.Time { return time.Date(290000000, 1, 1, 0, 0, 0, 0, time.UTC) },
	} {
		t.Run(name, func(t *testing.T) {
			s := begin(t)
			off := func(e *flow.Event) {
				if e.Source == "payment" {
					e.Time = wrong(e.Time)
				}
			}
			placed := s.event("order.placed", "", off)
			s.pulse(2 * time.Second)
			stock := s.event("stock.confirmed", placed, off)
			s.pulse(2 * time.Second)
			paid := s.event("payment.confirmed", stock, off)
			s.pulse(2 * time.Second)
			s.event("order.shipped", paid, off)
			s.status(flow.Completed)
			require.Empty(t, s.tells(flow.Overdue, flow.Deviated))
			ended := s.snapshot()
			require.InDelta(t, 6*time.Second, ended.Ended.Sub(ended.Started), float64(time.Second))
		})
	}
}

// TestAClockIsEstimated tells how far a producer is off, but for the distance of
// two pulses, within which nothing can be told.
func TestAClockIsEstimated(t *testing.T) {
	s := begin(t)
	for range 20 {
		s.event("order.placed", "", func(e *flow.Event) { e.Time = e.Time.Add(time.Hour + 100*time.Millisecond) })
		s.event("stock.confirmed", "", func(e *flow.Event) { e.Time = e.Time.Add(-time.Hour) })
		s.event("payment.confirmed", "", func(e *flow.Event) { e.Time = e.Time.Add(100 * time.Millisecond) })
		s.pulse(250 * time.Millisecond)
	}
	for _, c := range s.tracker.Clocks() {
		want := map[string]time.Duration{"order": time.Hour, "inventory": -time.Hour}[c.Service]
		require.InDelta(t, want, c.Offset, float64(250*time.Millisecond), c.Service)
	}
	require.Len(t, s.tracker.Clocks(), 3)
}

// TestAnObserverThatWasAwayCallsNothingOverdue lets no pulse come for a while:
// nobody can say when what came in between did.
func TestAnObserverThatWasAwayCallsNothingOverdue(t *testing.T) {
	for name, away := range map[string]time.Duration{"a minute": time.Minute, "an hour, or the clock was set": time.Hour} {
		t.Run(name, func(t *testing.T) {
			s := begin(t)
			placed := s.event("order.placed", "")
			s.pulse(time.Second)
			s.now = s.now.Add(away)
			s.pulse(0)
			s.status(flow.Running)
			s.pulse(4750 * time.Millisecond) // it has its whole time again
			s.status(flow.Running)
			s.event("stock.confirmed", placed)
			s.status(flow.Running)
			s.pulse(10 * time.Second)
			require.Empty(t, s.tells(flow.Overdue))
			s.pulse(250 * time.Millisecond)
			s.pulse(250 * time.Millisecond)
			s.status(flow.Stalled)
		})
	}
}

// TestAnObserverThatTakesOverCallsNothingOverdueByItsClock: it is 900 ms ahead
// of the one before, which looks like time that has passed.
func TestAnObserverThatTakesOverCallsNothingOverdueByItsClock(t *testing.T) {
	for _, anew := range []bool{true, false} {
		s := begin(t)
		s.event("order.placed", "") // which inventory owes an answer within 5 s
		s.pulse(4500 * time.Millisecond)
		s.now = s.now.Add(900 * time.Millisecond)
		s.say(s.tracker.Pulse(&flow.Pulse{Place: s.place(), Time: s.now, Anew: anew}))
		if !anew {
			s.status(flow.Stalled)
			continue
		}
		s.pulse(5 * time.Second)
		s.status(flow.Running)
		s.pulse(250 * time.Millisecond)
		s.status(flow.Stalled)
	}
}

// TestALongDeadlineIsPutOffByThirtySecondsAtMost holds the grace after a gap to
// its bound.
func TestALongDeadlineIsPutOffByThirtySecondsAtMost(t *testing.T) {
	c := orderContract()
	c.Reactions[1].Within = 10 * time.Minute
	s := begin(t, c)
	s.event("order.placed", "")
	s.pulse(9 * time.Minute)
	s.now = s.now.Add(5 * time.Minute)
	s.pulse(0)
	s.pulse(30 * time.Second)
	s.status(flow.Running)
	s.pulse(250 * time.Millisecond)
	s.status(flow.Stalled)
}

// TestTimeDoesNotGoBack holds log time where a pulse claims to be of before.
func TestTimeDoesNotGoBack(t *testing.T) {
	s := begin(t)
	s.event("order.placed", "")
	s.pulse(4 * time.Second)
	was := s.tracker.Now()
	for _, back := range []time.Time{was.Add(-time.Hour), {}, time.Date(-200000, 1, 1, 0, 0, 0, 0, time.UTC)} {
		s.say(s.tracker.Pulse(&flow.Pulse{Place: s.place(), Time: back}))
		require.Equal(t, was, s.tracker.Now())
	}
	s.status(flow.Running)
	s.pulse(1500 * time.Millisecond)
	s.status(flow.Stalled)
}

// TestTheDoubtGoesToTheService lets a trigger count from the pulse after it, and
// an answer from the pulse before it.
func TestTheDoubtGoesToTheService(t *testing.T) {
	s := begin(t)
	placed := s.event("order.placed", "")
	s.pulse(900 * time.Millisecond) // in steps: it counts from the first
	counted := s.now.Add(-650 * time.Millisecond)
	s.pulse(counted.Add(5 * time.Second).Sub(s.now))
	s.status(flow.Running)
	require.Equal(t, counted.Add(5*time.Second), s.now, "the deadline is now")
	s.event("stock.confirmed", placed) // before the pulse that would tell that it is over
	s.pulse(time.Second)
	s.status(flow.Running)
	require.Empty(t, s.tells(flow.Overdue, flow.Deviated))
}

// TestACompensationIsTimedFromWhatDemandsIt takes the time of an undo from the
// later of what is undone and what demands it.
func TestACompensationIsTimedFromWhatDemandsIt(t *testing.T) {
	s := begin(t)
	placed := s.event("order.placed", "")
	stock := s.event("stock.confirmed", placed)
	s.pulse(8 * time.Second)
	rejected := s.event("payment.rejected", stock)
	s.pulse(2 * time.Second)
	s.event("stock.returned", rejected)
	paid := slicesLast(s.said, func(tr flow.Transition) bool { return tr.Kind == flow.Paid })
	require.Equal(t, "stock.returned", paid.Due.Step)
	require.Equal(t, "payment.rejected", paid.Due.On)
	require.Equal(t, 3, paid.Due.Trigger)
	require.InDelta(t, 2*time.Second, paid.Duration, float64(250*time.Millisecond))
}
