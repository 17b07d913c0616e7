package flow_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/flow"
)

// spoiled counts the transitions that say that a flow went wrong for the first
// time, and clean those that say that it never did.
func spoiled(said []flow.Transition) (spoiled, clean int) {
	for _, tr := range said {
		if tr.Spoiled {
			spoiled++
		}
		if tr.Kind == flow.Ended && !tr.Again && tr.Clean {
			clean++
		}
	}
	return spoiled, clean
}

func TestAFlowIsSpoiledOnce(t *testing.T) {
	s := begin(t)
	placed := s.event("order.placed", "")
	s.pulse(6 * time.Second)
	s.status(flow.Stalled)
	stock := s.event("stock.confirmed", placed)
	s.status(flow.Running)
	s.pulse(11 * time.Second)
	s.status(flow.Stalled)
	s.event("payment.rejected", stock)
	s.event("stock.returned", "")
	s.status(flow.Failed)
	first, clean := spoiled(s.said)
	require.Equal(t, 1, first, "it stalled twice")
	require.Zero(t, clean)
}

func TestWhatEndedCleanIsNotSpoiledLater(t *testing.T) {
	s := begin(t)
	placed := s.event("order.placed", "")
	s.event("stock.rejected", placed)
	s.status(flow.Failed)
	s.event("order.shipped", "")
	s.status(flow.Inconsistent)
	first, clean := spoiled(s.said)
	require.Zero(t, first, "it was counted when it ended")
	require.Equal(t, 1, clean)
}

func TestTransitionsNameTheFlowsOwnTrace(t *testing.T) {
	s := begin(t)
	own := flow.Trace{TraceID: [16]byte{7}, SpanID: [8]byte{1}, Sampled: true}
	other := flow.Trace{TraceID: [16]byte{8}, SpanID: [8]byte{2}}
	placed := s.event("order.placed", "", func(e *flow.Event) { e.Trace = own })
	s.pulse(time.Second)
	s.event("stock.rejected", placed, func(e *flow.Event) { e.Trace = other })
	for _, tr := range s.said {
		require.Equal(t, own.TraceID, tr.FlowTrace, tr.Kind.String())
		switch {
		case tr.Kind == flow.Started:
			require.Equal(t, own, tr.Trace)
		case tr.Kind == flow.Ended, tr.Kind == flow.Changed && tr.To == flow.Failed:
			require.Equal(t, other, tr.Trace)
		}
	}
}
