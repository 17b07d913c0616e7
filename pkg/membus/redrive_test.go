package membus_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/membus"
)

func TestAMessageIsTakenFromItsShelfOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSmall(t, membus.Config{})
		fails := true
		var attempts []int
		c := consume(t, b, bus.Subscription{Receive: func(ctx context.Context, d *bus.Delivery) {
			if fails {
				settle(t, bus.Verdict{Action: bus.Park, Err: errors.New("boom")})(ctx, d)
				return
			}
			attempts = append(attempts, d.Attempt)
			settle(t, bus.Verdict{})(ctx, d)
		}})
		for range 3 {
			require.NoError(t, send(t.Context(), c.transport, message("order.placed")))
		}
		synctest.Wait()
		fails = false
		shelf := membus.ParkedShelf("payment")
		held := b.Held(shelf, 0)
		require.Len(t, held, 3)
		require.NoError(t, b.Forget(shelf, held[0].Number))
		require.ErrorIs(t, b.Forget(shelf, held[0].Number), membus.ErrNotHeld)
		headers := map[string]string{bus.HeaderRedrive: "now"}
		require.NoError(t, c.transport.Redrive(t.Context(), shelf, held[1].Number, "payment", headers))
		require.ErrorIs(t, c.transport.Redrive(t.Context(), shelf, held[1].Number, "payment", headers), membus.ErrNotHeld)
		require.ErrorIs(t, c.transport.Redrive(t.Context(), shelf, held[2].Number, "nobody", headers), bus.ErrRejected)
		require.ErrorIs(t, c.transport.Redrive(t.Context(), membus.ParkedShelf("nobody"), 0, "payment", headers), membus.ErrNotHeld)
		synctest.Wait()
		require.Equal(t, []int{1}, attempts)
		left := b.Held(shelf, 0)
		require.Len(t, left, 1)
		require.Equal(t, held[2].Number, left[0].Number, "numbers stay")

		stop := errors.New("stop")
		require.ErrorIs(t, c.transport.Tail(t.Context(), bus.Offset(held[2].Offset+1), func(r bus.LogRecord) error {
			require.Equal(t, bus.RecordRedriven, r.Kind)
			require.Equal(t, "payment", r.Service)
			require.Equal(t, held[1].Event.ID, r.Event.ID)
			return stop
		}), stop)
	})
}

func TestARedriveWaitsForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSmall(t, membus.Config{QueueMessages: 1})
		declare(t, b)
		publisher := b.Connect()
		require.NoError(t, send(t.Context(), publisher, message("nobody.asks")))
		require.NoError(t, send(t.Context(), publisher, message("order.placed")))
		done := make(chan error, 1)
		go func() { done <- publisher.Redrive(t.Context(), membus.UnroutedShelf(), 0, "payment", nil) }()
		synctest.Wait()
		require.Empty(t, done, "the queue is full")
		require.Len(t, b.Unrouted(), 1)
		consume(t, b, bus.Subscription{Receive: settle(t, bus.Verdict{})})
		require.NoError(t, <-done)
		require.Empty(t, b.Unrouted())
	})
}
