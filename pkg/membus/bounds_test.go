package membus_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/pkg/membus"
)

func newSmall(t *testing.T, cfg membus.Config) *membus.Broker {
	b := membus.New(cfg)
	t.Cleanup(b.Close)
	return b
}

func TestPublisherWaitsWhileQueueIsFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSmall(t, membus.Config{QueueMessages: 2, PublishTimeout: time.Minute})
		declare(t, b)
		publisher := b.Connect()
		for range 2 {
			require.NoError(t, send(t.Context(), publisher, message("order.placed")))
		}
		require.NoError(t, send(t.Context(), publisher, message("nobody.asks")), "another queue's fullness is no matter")

		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		err := send(ctx, publisher, message("order.placed"))
		require.ErrorIs(t, err, bus.ErrRejected)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "queue payment is full, it holds 2 messages")
		require.Equal(t, 3*time.Second, time.Since(start))

		start = time.Now()
		require.ErrorIs(t, send(context.Background(), publisher, message("order.placed")), bus.ErrRejected)
		require.Equal(t, time.Minute, time.Since(start), "every wait ends")

		waiting := make(chan error, 3)
		for range 3 {
			go func() { waiting <- send(t.Context(), publisher, message("order.placed")) }()
		}
		synctest.Wait()
		require.Empty(t, waiting)
		handled := 0
		consume(t, b, bus.Subscription{Receive: func(ctx context.Context, d *bus.Delivery) {
			settle(t, bus.Verdict{})(ctx, d)
			handled++
		}})
		for range 3 {
			require.NoError(t, <-waiting)
		}
		synctest.Wait()
		require.Equal(t, 5, handled)
	})
}

// A full queue of one service holds up an event that two services ask for as a
// whole: either both receive it, or nobody does and the publisher is told.
func TestAllQueuesOrNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSmall(t, membus.Config{QueueMessages: 1})
		declare(t, b)
		handled := make(chan string, 4)
		consume(t, b, bus.Subscription{Queue: "inventory", Receive: func(ctx context.Context, d *bus.Delivery) {
			settle(t, bus.Verdict{})(ctx, d)
			handled <- d.Event.ID
		}})
		publisher := b.Connect()
		first, second := message("order.placed"), message("order.placed")
		require.NoError(t, send(t.Context(), publisher, first))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, send(ctx, publisher, second), bus.ErrRejected)
		synctest.Wait()
		require.Len(t, handled, 1)
		require.Equal(t, first.Event.ID, <-handled)
	})
}

func TestLogKeepsTheLatest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSmall(t, membus.Config{LogRecords: 10})
		publisher := b.Connect()
		for range 25 {
			require.NoError(t, send(t.Context(), publisher, message("order.placed")))
		}
		var offsets []uint64
		enough := errors.New("enough")
		tail := func(from bus.Position, n int) {
			offsets = nil
			require.ErrorIs(t, publisher.Tail(t.Context(), from, func(r bus.LogRecord) error {
				if offsets = append(offsets, r.Offset); len(offsets) == n {
					return enough
				}
				return nil
			}), enough)
		}
		tail(bus.First(), 10)
		require.Equal(t, []uint64{15, 16, 17, 18, 19, 20, 21, 22, 23, 24}, offsets)
		tail(bus.Offset(3), 1)
		require.Equal(t, []uint64{15}, offsets, "the first one after an offset that is gone")
		tail(bus.Offset(24), 1)
		require.Equal(t, []uint64{24}, offsets)

		ended := make(chan error, 1)
		go func() {
			ended <- publisher.Tail(t.Context(), bus.Offset(26), func(r bus.LogRecord) error {
				offsets = append(offsets, r.Offset)
				return enough
			})
		}()
		for range 3 {
			synctest.Wait()
			require.NoError(t, send(t.Context(), publisher, message("order.placed")))
		}
		require.ErrorIs(t, <-ended, enough)
		require.Equal(t, []uint64{24, 26}, offsets, "an offset that is not there yet is waited for")
	})
}

func TestLogIsBoundedInBytes(t *testing.T) {
	b := newSmall(t, membus.Config{LogBytes: 100_000})
	publisher := b.Connect()
	for range 50 {
		m := message("order.placed")
		m.Event.Data = make([]byte, 10_000)
		require.NoError(t, send(t.Context(), publisher, m))
	}
	first := errors.New("first")
	require.ErrorIs(t, publisher.Tail(t.Context(), bus.First(), func(r bus.LogRecord) error {
		require.InDelta(t, 41, r.Offset, 1)
		return first
	}), first)

	m := message("order.placed")
	m.Event.Data = make([]byte, 200_000) // more than fits: the newest record stays in any case
	require.NoError(t, send(t.Context(), publisher, m))
	require.ErrorIs(t, publisher.Tail(t.Context(), bus.First(), func(r bus.LogRecord) error {
		require.EqualValues(t, 50, r.Offset)
		return first
	}), first)
}

func TestUnroutedKeepsTheLatest(t *testing.T) {
	b := newSmall(t, membus.Config{UnroutedMessages: 3})
	publisher := b.Connect()
	var sent []string
	for range 5 {
		m := message("nobody.asks")
		sent = append(sent, m.Event.ID)
		require.NoError(t, send(t.Context(), publisher, m))
	}
	var kept []string
	for _, m := range b.Unrouted() {
		kept = append(kept, m.Event.ID)
	}
	require.Equal(t, sent[2:], kept)
}

// Where a copy finds no room, its original is not let go: it comes again.
func TestCopyWithoutRoom(t *testing.T) {
	for name, v := range map[string]bus.Verdict{
		"payment.retry.1h0m0s": {Action: bus.RetryLater, Err: errors.New("boom")},
		"payment.parked":       {Action: bus.Park, Err: errors.New("boom")},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newSmall(t, membus.Config{QueueMessages: 1})
				var errs []error
				redelivered := false
				c := consume(t, b, bus.Subscription{RetryLevels: []time.Duration{time.Hour}, Receive: func(ctx context.Context, d *bus.Delivery) {
					if d.Redelivered {
						redelivered = true
						settle(t, bus.Verdict{})(ctx, d)
						return
					}
					ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
					defer cancel()
					errs = append(errs, d.Settler.Settle(ctx, d, v))
				}})
				for range 2 {
					require.NoError(t, send(t.Context(), c.transport, message("order.placed")))
				}
				<-time.After(time.Minute) // in the bubble's time
				synctest.Wait()
				require.Len(t, errs, 2)
				require.NoError(t, errs[0])
				require.ErrorIs(t, errs[1], bus.ErrRejected)
				require.ErrorContains(t, errs[1], "queue "+name+" is full")
				require.True(t, redelivered)
			})
		})
	}
}

func TestTooLarge(t *testing.T) {
	b := newSmall(t, membus.Config{MaxMessageBytes: 1000})
	publisher := b.Connect()
	m := message("order.placed")
	m.Event.Data = make([]byte, 900)
	require.NoError(t, send(t.Context(), publisher, m))
	m.SetHeader("baggage", strings.Repeat("x", 100))
	require.ErrorIs(t, send(t.Context(), publisher, m), bus.ErrTooLarge)
	require.ErrorIs(t, publisher.SendToLog(t.Context(), m), bus.ErrTooLarge)
	require.ErrorIs(t, publisher.SendRaw(t.Context(), event.Binary{Body: make([]byte, 1001)}), bus.ErrTooLarge)
}

func TestRefusedHeaders(t *testing.T) {
	b := newSmall(t, membus.Config{})
	publisher := b.Connect()
	for _, name := range []string{"", strings.Repeat("x", 256), event.Prefix + "id", event.AltPrefix + "flowid"} {
		m := message("order.placed")
		m.SetHeader(name, "x")
		require.ErrorIs(t, send(t.Context(), publisher, m), event.ErrInvalid, "header %q", name)
	}
	m := message(strings.Repeat("x", 255))
	m.RoutingKey += "x"
	require.ErrorIs(t, send(t.Context(), publisher, m), event.ErrInvalid, "routing key")
}
