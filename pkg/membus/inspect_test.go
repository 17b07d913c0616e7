package membus_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/membus"
)

// TestStraysAreTakenUpWhereOneStopped: also where the oldest have gone.
func TestStraysAreTakenUpWhereOneStopped(t *testing.T) {
	b := membus.New(membus.Config{UnroutedMessages: 2})
	t.Cleanup(b.Close)
	nobodys := func(types ...string) {
		for _, typ := range types {
			require.NoError(t, send(t.Context(), b.Connect(), message(typ)))
		}
	}
	held := func(from uint64) (types []string, next uint64) {
		for _, h := range b.Held(membus.UnroutedShelf(), from) {
			types, next = append(types, h.Event.Type), h.Number+1
		}
		return types, next
	}
	none, _ := held(0)
	require.Empty(t, none)
	nobodys("a", "b")
	two, next := held(0)
	require.Equal(t, []string{"a", "b"}, two)
	require.EqualValues(t, 2, next)
	nobodys("c", "d", "e")
	late, next := held(next)
	require.Equal(t, []string{"d", "e"}, late, "c has gone")
	require.EqualValues(t, 5, next)
	none, _ = held(next)
	require.Empty(t, none)
}

func TestALostCopyNamesItsService(t *testing.T) {
	b := membus.New(membus.Config{})
	t.Cleanup(b.Close)
	settled := make(chan error, 1)
	consume(t, b, bus.Subscription{Receive: func(ctx context.Context, d *bus.Delivery) {
		b.DeleteParkedQueue("payment")
		settled <- d.Settler.Settle(context.WithoutCancel(ctx), d, bus.Verdict{Action: bus.Park, Err: errors.New("no such card")})
	}})
	require.NoError(t, send(t.Context(), b.Connect(), message("order.placed")))
	require.NoError(t, <-settled)
	lost := b.Held(membus.LostShelf(), 0)
	require.Len(t, lost, 1)
	require.Equal(t, "payment", lost[0].Headers[bus.HeaderService])
}

func TestAQueueTellsWhatItAsksFor(t *testing.T) {
	b := membus.New(membus.Config{})
	t.Cleanup(b.Close)
	consume(t, b, bus.Subscription{Keys: []string{"order.placed", "card.*"}, Receive: func(context.Context, *bus.Delivery) {}})
	queues := b.Queues()
	require.Len(t, queues, 1)
	require.Equal(t, []string{"card.*", "order.placed"}, queues[0].Bindings)
	require.Equal(t, 1, queues[0].Consumers)
}
