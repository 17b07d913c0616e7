package flow_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/flow"
)

// TestNoFlowOfARetiredChoreographyBegins: those under way end by their rules, and
// stall by them; when it comes back, so do flows of it.
func TestNoFlowOfARetiredChoreographyBegins(t *testing.T) {
	for name, named := range map[string]bool{"events name it": true, "events do not": false} {
		t.Run(name, func(t *testing.T) {
			c := orderContract()
			tracker := flow.New(flow.Config{})
			tracker.Rules(&flow.Rules{Choreography: c})
			now, offset := time.Unix(1_700_000_000, 0), uint64(0)
			pulse := func() []flow.Transition {
				offset++
				now = now.Add(250 * time.Millisecond)
				return tracker.Pulse(&flow.Pulse{Place: flow.Place{Offset: offset}, Time: now})
			}
			event := func(eventType, source, key string) flow.Unclaimed {
				offset++
				e := flow.Event{Place: flow.Place{Offset: offset}, ID: eventType + key, Type: eventType, Source: source, Key: key}
				if named {
					e.FlowName, e.FlowID = c.Name, key
				}
				return tracker.Observe(&e).Unclaimed
			}
			pulse()
			require.Equal(t, flow.Claimed, event("order.placed", "order", "ends"))
			require.Equal(t, flow.Claimed, event("order.placed", "order", "stalls"))
			pulse()
			tracker.Retire(&flow.Retirement{Choreography: c.Name})
			require.Equal(t, []string{c.Name}, tracker.Retired())
			require.Equal(t, flow.NoChoreography, event("order.placed", "order", "begins"))
			require.Equal(t, flow.Claimed, event("stock.rejected", "inventory", "ends"))

			// It is so for one that is restored, too.
			restored := flow.New(flow.Config{})
			restored.Know(c)
			require.NoError(t, restored.Restore(tracker.State()))
			tracker.Changed(func(s *flow.Snapshot) {
				require.NoError(t, restored.RestoreFlow(s.Choreography, s.Rules, s.ID, s.Key, s.State))
			})
			restored.Restored()
			tracker = restored
			require.Equal(t, flow.NoChoreography, event("order.placed", "order", "begins"))
			overdue := 0
			for range 100 {
				for _, tr := range pulse() {
					if tr.Kind == flow.Overdue && !tr.Due.Side {
						require.Equal(t, "stalls", tr.Key)
						overdue++
					}
				}
			}
			require.Equal(t, 1, overdue)
			tracker.Rules(&flow.Rules{Choreography: c})
			require.Equal(t, flow.Claimed, event("order.placed", "order", "begins"))
			require.Empty(t, tracker.Retired())
		})
	}
}
