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
	types := func(messages []bus.Message) (types []string) {
		for _, m := range messages {
			types = append(types, m.Event.Type)
		}
		return types
	}
	none, next := b.UnroutedFrom(0)
	require.Empty(t, none)
	require.Zero(t, next)
	nobodys("a", "b")
	two, next := b.UnroutedFrom(next)
	require.Equal(t, []string{"a", "b"}, types(two))
	require.EqualValues(t, 2, next)
	nobodys("c", "d", "e")
	late, next := b.UnroutedFrom(next)
	require.Equal(t, []string{"d", "e"}, types(late), "c has gone")
	require.EqualValues(t, 5, next)
	none, next = b.UnroutedFrom(next)
	require.Empty(t, none)
	require.EqualValues(t, 5, next)
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
	lost, next := b.LostFrom(0)
	require.Len(t, lost, 1)
	require.Equal(t, "payment", lost[0].Headers[bus.HeaderService])
	require.EqualValues(t, 1, next)
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
