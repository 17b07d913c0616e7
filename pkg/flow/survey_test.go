package flow_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/flow"
)

// TestASurveyNamesTheOldest counts stalls, and names the oldest three of each.
func TestASurveyNamesTheOldest(t *testing.T) {
	s := begin(t)
	for i := range 5 {
		s.event("order.placed", "", as(fmt.Sprint("F", i), fmt.Sprint(i)))
		s.pulse(time.Second)
	}
	first := s.now.Add(-4750 * time.Millisecond) // the pulse after the first
	survey := s.tracker.Survey()
	require.Equal(t, []flow.OldestObligation{
		{Choreography: "order", Step: "notification.sent", Service: "notification", Since: first},
		{Choreography: "order", Step: "stock.confirmed|stock.rejected", Service: "inventory", Since: first},
	}, survey.Oldest)
	require.Empty(t, survey.Stalled)
	s.pulse(5 * time.Second)
	survey = s.tracker.Survey()
	require.Len(t, survey.Stalled, 1)
	stalled := survey.Stalled[0]
	require.Equal(t, 5, stalled.Count)
	require.Equal(t, []string{"F0", "F1", "F2"}, []string{stalled.Examples[0].FlowID, stalled.Examples[1].FlowID, stalled.Examples[2].FlowID})
	require.Equal(t, first.Add(5*time.Second), stalled.Examples[0].Since)
	counts := map[flow.Status]int{}
	for _, f := range survey.Flows {
		counts[f.Status] = f.Count
	}
	require.Equal(t, map[flow.Status]int{flow.Unknown: 0, flow.Running: 0, flow.Compensating: 0, flow.Stalled: 5, flow.Inconsistent: 0}, counts)
}

// TestASurveyFollowsEachStall counts many stalls as their causes change, as they
// recover, and as flows are forgotten, and holds that to a count of each flow.
func TestASurveyFollowsEachStall(t *testing.T) {
	s := begin(t)
	holds := func() {
		t.Helper()
		require.Equal(t, s.tracker.CountedSurvey(), s.tracker.Survey())
	}
	const orders = 100
	placed := make([]string, orders)
	for i := range placed {
		placed[i] = s.event("order.placed", "", as(fmt.Sprint("F", i), fmt.Sprint(i)))
		s.pulse(10 * time.Millisecond)
	}
	s.pulse(6 * time.Second)
	require.Equal(t, orders, s.tracker.Survey().Stalled[0].Count)
	holds()
	unheard := flow.QueueSeen{Service: "inventory", Queue: "inventory", Ready: orders}
	s.pulse(time.Second, unheard)
	require.Equal(t, flow.NoConsumer, s.tracker.Survey().Stalled[0].Cause)
	holds()
	for i, cause := range placed {
		s.event("stock.rejected", cause, as(fmt.Sprint("F", i), ""))
		holds()
	}
	require.Empty(t, s.tracker.Survey().Stalled)
	s.pulse(2 * time.Minute) // mail is overdue, and stays so
	holds()
	s.pulse(24 * time.Hour) // which nobody waits for that long
	holds()
	s.pulse(time.Hour)
	require.Zero(t, s.tracker.Live())
	require.Empty(t, s.tracker.Survey().Oldest)
	holds()
}
