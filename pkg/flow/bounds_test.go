package flow_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/flow"
)

func TestAFullTrackerCountsWhatItRefuses(t *testing.T) {
	s := beginWith(t, flow.Config{MaxFlows: 2})
	for i := range 5 {
		r := s.observe(keyed(fmt.Sprint(i), "order.placed", fmt.Sprint("k", i)))
		require.Equal(t, i >= 2, r.Unclaimed == flow.NoRoom)
	}
	require.Equal(t, flow.NoRoom, s.observe(keyed("x", "stock.confirmed", "k4")).Unclaimed)
	require.Equal(t, flow.Claimed, s.observe(keyed("y", "stock.rejected", "k0")).Unclaimed, "what is known goes on")
	s.observe(keyed("z", "notification.sent", "k0"))
	s.observe(keyed("w", "notification.sent", "k0"))
	s.pulse(time.Second)
	require.Equal(t, 1, s.tracker.Live())
	require.Equal(t, flow.Claimed, s.observe(keyed("v", "stock.confirmed", "k4")).Unclaimed, "there is room again")
	survey := s.tracker.Survey()
	require.EqualValues(t, 3, survey.RefusedFlows)
	require.EqualValues(t, 4, survey.RefusedEvents)
	require.Equal(t, 1, survey.Tombstones)
}

func TestAFlowWithTooManyEventsIsUnknown(t *testing.T) {
	s := beginWith(t, flow.Config{MaxEvents: 3})
	s.event("order.placed", "")
	s.pulse(6 * time.Second)
	s.status(flow.Stalled)
	s.event("order.placed", "")
	s.event("order.placed", "")
	s.tells()
	for range 5 {
		s.event("order.placed", "")
	}
	s.status(flow.Unknown)
	require.Equal(t, []string{"deviated truncated order.placed", "lifted inventory stock.confirmed|stock.rejected", "changed stalled→unknown"},
		s.tells(flow.Deviated, flow.Lifted, flow.Changed), "once")
	require.Equal(t, 3, s.snapshot().Events)
	require.Empty(t, s.tracker.Survey().Stalled)
	s.pulse(10 * time.Minute)
	require.Empty(t, s.tells(flow.Overdue))
	require.Equal(t, 1, s.tracker.Live())
	s.pulse(6 * time.Minute)
	require.Zero(t, s.tracker.Live())
}

func TestTheOldestTombstonesGoFirst(t *testing.T) {
	s := beginWith(t, flow.Config{MaxTombstones: 2, Tombstones: time.Minute})
	for _, id := range []string{"A", "B", "C"} {
		s.event("order.placed", "", as(id, id))
		s.event("stock.rejected", "", as(id, id))
		s.event("notification.sent", "", as(id, id))
		s.event("notification.sent", "", as(id, id))
		s.pulse(time.Second)
	}
	known := func() (ids string) {
		for _, id := range []string{"A", "B", "C"} {
			if _, ok := s.tracker.Flow("order", id); ok {
				ids += id
			}
		}
		return ids
	}
	require.Equal(t, "BC", known())
	s.event("order.cancel_requested", "", as("B", "B"))
	s.pulse(59 * time.Second)
	require.Equal(t, "BC", known())
	s.pulse(2 * time.Second)
	require.Equal(t, "B", known(), "what is under way again stays")
	var gone []string
	s.tracker.Changed(func(f *flow.Snapshot) {
		if f.State == nil {
			gone = append(gone, f.ID+" "+f.Status.String())
		}
	})
	require.ElementsMatch(t, []string{"A failed", "C failed"}, gone)
}

func TestALateCancelRequestOpensAnOrderAgain(t *testing.T) {
	s := begin(t)
	placed := s.event("order.placed", "")
	s.event("stock.rejected", placed)
	s.event("notification.sent", placed)
	s.event("notification.sent", "e2")
	s.pulse(time.Minute)
	require.Zero(t, s.tracker.Live())
	s.tells()
	request := s.event("order.cancel_requested", "")
	s.status(flow.Compensating)
	require.Equal(t, 1, s.tracker.Live())
	require.Equal(t, []string{"reopened", "changed failed→compensating"}, s.tells(flow.Reopened, flow.Changed))
	s.pulse(6 * time.Second)
	s.status(flow.Stalled)
	s.event("order.canceled", request)
	s.status(flow.Failed)
	ended := slicesLast(s.said, func(tr flow.Transition) bool { return tr.Kind == flow.Ended })
	require.True(t, ended.Again)
	s.event("notification.sent", "")
	s.pulse(time.Second)
	require.Zero(t, s.tracker.Live())
	for _, f := range s.tracker.Survey().Flows {
		require.Zero(t, f.Count, f.Status.String())
	}
}

func TestAnOrderIsAbandoned(t *testing.T) {
	c := orderContract()
	c.AbandonAfter = time.Minute
	s := begin(t, c)
	s.event("notification.sent", "") // long before its start, which is what counts
	s.pulse(time.Minute)
	s.event("order.placed", "")
	s.pulse(time.Minute)
	s.status(flow.Stalled)
	s.pulse(500 * time.Millisecond)
	s.status(flow.Closed)
	require.Equal(t, "abandoned 1m0s after its start", s.snapshot().Reason)
	require.Empty(t, s.tracker.Survey().Stalled)
	require.Zero(t, s.tracker.Survey().Oldest)
	s.pulse(time.Second)
	require.Zero(t, s.tracker.Live())
	for _, o := range s.snapshot().Obligations {
		require.NotEqual(t, flow.Open, o.State, "nothing is owed any more")
	}
}

func TestAFlowThatIsOpenedAgainHasItsTimeAgain(t *testing.T) {
	c := orderContract()
	c.AbandonAfter = time.Minute
	s := begin(t, c)
	s.event("order.placed", "")
	s.event("stock.rejected", "")
	s.pulse(3 * time.Minute)
	s.event("order.cancel_requested", "")
	s.pulse(59 * time.Second)
	s.status(flow.Stalled)
	s.pulse(2 * time.Second)
	s.status(flow.Closed)
}

func TestAPersonClosesAFlow(t *testing.T) {
	s := begin(t)
	placed := s.event("order.placed", "")
	s.pulse(6 * time.Second)
	s.status(flow.Stalled)
	s.tells()
	closing := func(id string) {
		s.say(s.tracker.Close(&flow.Closing{Place: s.place(), Choreography: "order", FlowID: id, Reason: "mended by hand", By: "jane"}))
	}
	closing("unheard of")
	closing("F1042")
	closing("F1042")
	require.Equal(t, []string{"lifted inventory stock.confirmed|stock.rejected", "closed", "changed stalled→closed"}, s.tells(flow.Lifted, flow.Shut, flow.Changed, flow.Ended))
	s.pulse(2 * time.Minute)
	s.event("stock.confirmed", placed)
	s.pulse(2 * time.Minute)
	s.status(flow.Closed)
	require.Empty(t, s.tells(flow.Overdue, flow.Deviated, flow.Ended), "nothing is claimed of it any more")
	require.Equal(t, "mended by hand", s.snapshot().Reason)
	next := s.observe(keyed("again", "order.placed", "1042")).Entries[0].FlowID
	require.NotEqual(t, "F1042", next, "its key is free")
}

func TestAGapMakesFlowsUnknown(t *testing.T) {
	s := begin(t)
	s.event("order.placed", "", as("under way", "1"))
	s.event("order.placed", "", as("ended", "2"))
	s.event("stock.rejected", "", as("ended", "2"))
	s.event("order.placed", "", as("buried", "3"))
	s.event("stock.rejected", "", as("buried", "3"))
	s.event("notification.sent", "", as("buried", "3"))
	s.event("notification.sent", "", as("buried", "3"))
	s.pulse(6 * time.Second)
	status := func(id string) flow.Status {
		f, known := s.tracker.Flow("order", id)
		require.True(t, known)
		return f.Status
	}
	require.Equal(t, flow.Stalled, status("under way"))
	s.tells()
	s.say(s.tracker.Gap(&flow.Gap{Place: s.place(), Reason: "trimmed"}))
	require.Equal(t, []string{"lifted inventory stock.confirmed|stock.rejected", "changed stalled→unknown"}, s.tells(flow.Lifted, flow.Changed))
	require.Equal(t, flow.Failed, status("ended"))
	require.Equal(t, flow.Failed, status("buried"))
	s.pulse(2 * time.Minute)
	require.Empty(t, s.tells(flow.Overdue), "mails may have been in the gap")
	require.Empty(t, s.tracker.Survey().Stalled)
	s.event("order.cancel_requested", "", as("buried", "3"))
	require.Equal(t, flow.Unknown, status("buried"), "what else came for it is not known")
	s.event("order.placed", "", as("new", "4"))
	require.Equal(t, flow.Running, status("new"))
	s.event("order.shipped", "", as("under way", "1"))
	require.Equal(t, flow.Unknown, status("under way"))
	s.pulse(16 * time.Minute)
	require.Equal(t, 1, s.tracker.Live(), "the new one alone")
}
