package flow_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/flow"
)

// TestWhatChangesNothingAllocatesNothing holds duplicates, and pulses at which
// nothing falls due, to no allocation.
func TestWhatChangesNothingAllocatesNothing(t *testing.T) {
	s := begin(t)
	for i := range 100 {
		s.event("order.placed", "", as(fmt.Sprint("F", i), ""))
	}
	again := flow.Event{ID: "e7", Source: "order", Type: "order.placed", FlowName: "order", FlowID: "F6", Time: s.now}
	s.pulse(0)
	require.True(t, s.tracker.Observe(&again).Entries[0].Duplicate)
	require.Zero(t, testing.AllocsPerRun(100, func() { s.tracker.Observe(&again) }))
	pulse := flow.Pulse{Time: s.now}
	require.Zero(t, testing.AllocsPerRun(100, func() { s.tracker.Pulse(&pulse) }))
}
