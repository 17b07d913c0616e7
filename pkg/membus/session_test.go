package membus_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/membus"
)

// What was prefetched in a session that is lost is not begun in it.
func TestNothingBeginsInALostSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSmall(t, membus.Config{})
		release := make(chan struct{})
		begun := 0
		c := consume(t, b, bus.Subscription{Receive: func(ctx context.Context, d *bus.Delivery) {
			require.NoError(t, ctx.Err(), "a handler begins in a session that goes on")
			begun++
			if !d.Redelivered {
				<-release // heeds nothing
			}
			_ = d.Settler.Settle(ctx, d, bus.Verdict{})
		}})
		for range 3 {
			require.NoError(t, send(t.Context(), c.transport, message("order.placed")))
		}
		synctest.Wait()
		b.CutConnections()
		synctest.Wait()
		require.Equal(t, 1, begun, "the handler of before the cut takes the only place there is")
		close(release)
		synctest.Wait()
		require.Equal(t, 1+3, begun, "the first one again, and the others")
		require.Equal(t, []membus.QueueState{{Service: "payment", Consumers: 1, Bindings: []string{"order.placed"}}}, b.Queues())
	})
}

// A queue that is deleted while handlers are busy and declared again goes on as
// soon as they have ended.
func TestDeletedQueueWithBusyHandlers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSmall(t, membus.Config{})
		release := make(chan struct{})
		handled := 0
		c := consume(t, b, bus.Subscription{Receive: func(ctx context.Context, d *bus.Delivery) {
			<-release
			if d.Settler.Settle(ctx, d, bus.Verdict{}) == nil {
				handled++
			}
		}})
		for range 2 { // as many as are prefetched
			require.NoError(t, send(t.Context(), c.transport, message("order.placed")))
		}
		synctest.Wait()
		b.DeleteQueue("payment")
		synctest.Wait()
		for range 5 {
			require.NoError(t, send(t.Context(), c.transport, message("order.placed")))
		}
		close(release)
		synctest.Wait()
		require.Equal(t, 5, handled, "what came to the new queue; the old one's messages are gone with it")
		require.Empty(t, b.Unrouted())
	})
}

// A queue that was deleted takes nothing any more, and holds up nobody.
func TestDeletedQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSmall(t, membus.Config{QueueMessages: 1})
		declare(t, b)
		publisher := b.Connect()
		require.NoError(t, send(t.Context(), publisher, message("order.placed")))
		answer := make(chan error, 1)
		waiting := message("order.placed")
		start := time.Now()
		go func() { answer <- send(t.Context(), publisher, waiting) }()
		synctest.Wait()
		b.DeleteQueue("payment")
		b.DeleteQueue("payment")
		require.NoError(t, <-answer)
		require.Zero(t, time.Since(start))
		require.Len(t, b.Unrouted(), 1)
		require.Equal(t, waiting.Event.ID, b.Unrouted()[0].Event.ID)
		require.Empty(t, b.Queues())
	})
}

// Consumers that are free take turns.
func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSmall(t, membus.Config{})
		var turns []string
		for _, name := range []string{"first", "second", "third"} {
			consume(t, b, bus.Subscription{Receive: func(ctx context.Context, d *bus.Delivery) {
				settle(t, bus.Verdict{})(ctx, d)
				turns = append(turns, name)
			}})
		}
		publisher := b.Connect()
		for range 6 {
			require.NoError(t, send(t.Context(), publisher, message("order.placed")))
			synctest.Wait()
		}
		require.Equal(t, []string{"first", "second", "third", "first", "second", "third"}, turns)
	})
}

// A delivery that was not settled comes again, and one that was settled is
// settled.
func TestUnsettled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSmall(t, membus.Config{})
		var deliveries []*bus.Delivery
		c := consume(t, b, bus.Subscription{Receive: func(ctx context.Context, d *bus.Delivery) {
			if deliveries = append(deliveries, d); len(deliveries) == 2 {
				require.NoError(t, d.Settler.Settle(ctx, d, bus.Verdict{}))
				require.ErrorIs(t, d.Settler.Settle(ctx, d, bus.Verdict{Action: bus.Requeue}), bus.ErrSessionLost, "settled twice")
				require.Error(t, d.Settler.Settle(ctx, d, bus.Verdict{Action: 99}))
			}
		}})
		require.NoError(t, send(t.Context(), c.transport, message("order.placed")))
		synctest.Wait()
		require.Len(t, deliveries, 2)
		require.False(t, deliveries[0].Redelivered)
		require.True(t, deliveries[1].Redelivered)
		require.NotEqual(t, deliveries[0].Tag, deliveries[1].Tag)
	})
}

// A retry level that the subscription does not have loses nothing.
func TestUnknownLevel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSmall(t, membus.Config{})
		c := consume(t, b, bus.Subscription{Receive: settle(t, bus.Verdict{Action: bus.RetryLater, Level: 7})})
		m := message("order.placed")
		require.NoError(t, send(t.Context(), c.transport, m))
		synctest.Wait()
		require.Len(t, b.Lost(), 1)
		require.Equal(t, m.Event.ID, b.Lost()[0].Event.ID)
	})
}

func TestQueues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSmall(t, membus.Config{})
		require.Empty(t, b.Queues())
		require.Nil(t, b.Parked("payment"))
		release := make(chan struct{})
		c := consume(t, b, bus.Subscription{RetryLevels: []time.Duration{time.Hour}, Receive: func(ctx context.Context, d *bus.Delivery) {
			switch d.Event.Subject {
			case "retry":
				settle(t, bus.Verdict{Action: bus.RetryLater})(ctx, d)
			case "park":
				settle(t, bus.Verdict{Action: bus.Park})(ctx, d)
			default:
				<-release
				settle(t, bus.Verdict{})(ctx, d)
			}
		}})
		for _, subject := range []string{"retry", "retry", "park", "", "", "", ""} {
			m := message("order.placed")
			m.Event.Subject = subject
			require.NoError(t, send(t.Context(), c.transport, m))
			synctest.Wait()
		}
		require.Equal(t, []membus.QueueState{
			{Service: "payment", Ready: 2, Unacknowledged: 2, Retrying: 2, Parked: 1, Consumers: 1, Bindings: []string{"order.placed"}},
		}, b.Queues())
		close(release)
	})
}

// A broker that is closed ends everything that is connected to it.
func TestBrokerClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := membus.New(membus.Config{})
		transport := b.Connect()
		ended := make(chan error, 2)
		go func() {
			ended <- transport.Consume(t.Context(), bus.Subscription{Queue: "payment", Receive: func(context.Context, *bus.Delivery) {}})
		}()
		go func() {
			ended <- transport.Tail(t.Context(), bus.First(), func(bus.LogRecord) error { return nil })
		}()
		synctest.Wait()
		b.Close()
		b.Close()
		require.ErrorIs(t, <-ended, bus.ErrClosed)
		require.ErrorIs(t, <-ended, bus.ErrClosed)
		require.ErrorIs(t, send(t.Context(), transport, message("order.placed")), bus.ErrClosed)
	})
}

func TestSubscriptionNeedsAQueue(t *testing.T) {
	b := newSmall(t, membus.Config{})
	require.Error(t, b.Connect().Consume(t.Context(), bus.Subscription{Keys: []string{"#"}}))
}
