package observer

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/observer/record"
	"github.com/laban-io/laban/internal/observer/source"
	"github.com/laban-io/laban/pkg/choreography"
	"github.com/laban-io/laban/pkg/flow"
	"github.com/laban-io/laban/pkg/membus"
	"github.com/laban-io/laban/services"
)

// TestWithoutALedgerNothingIsKeptForOne: nor does the tracker keep what changed.
func TestWithoutALedgerNothingIsKeptForOne(t *testing.T) {
	contract, err := services.Order()
	require.NoError(t, err)
	o, err := New(Config{Log: source.NewMemory(membus.New(membus.Config{})), Contracts: []*choreography.Choreography{contract}})
	require.NoError(t, err)
	e := o.newEngine()
	_, err = e.load(t.Context())
	require.NoError(t, err)
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	e.apply([]source.Item{
		{Kind: source.Own, Offset: 1, Own: record.Pulse{Time: now, Observer: o.id, Epoch: e.epoch, Sequence: 1}},
		{Kind: source.Event, Offset: 2, Event: flow.Event{ID: "1", Source: "order", Type: "order.placed", Key: "a", FlowName: "order", FlowID: "F", Time: now}},
	})
	require.Equal(t, 1, e.tracker.Live())
	b := e.seal()
	require.Empty(t, b.Events)
	require.Empty(t, b.Flows)
	require.NotEmpty(t, b.Transitions, "which are told")
	e.tracker.Changed(func(s *flow.Snapshot) { require.Fail(t, "a change is kept", s.ID) })
}
