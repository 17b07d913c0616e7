package membus_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/membus"
)

// In a bubble of testing/synctest, time is exact: what hours of retries do is
// tested in no time.
func TestRetriesWaitExactly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSmall(t, membus.Config{})
		levels := []time.Duration{250 * time.Millisecond, time.Second, time.Hour}
		start := time.Now()
		var at []time.Duration
		c := consume(t, b, bus.Subscription{RetryLevels: levels, Receive: func(ctx context.Context, d *bus.Delivery) {
			at = append(at, time.Since(start))
			v := bus.Verdict{Action: bus.RetryLater, Level: min(d.Attempt-1, 2), Err: errors.New("boom")}
			if d.Attempt == 5 {
				v.Action = bus.Park
			}
			settle(t, v)(ctx, d)
		}})
		require.NoError(t, send(t.Context(), c.transport, message("order.placed")))
		<-time.After(3 * time.Hour) // in the bubble's time
		synctest.Wait()
		const short = 1250 * time.Millisecond
		require.Equal(t, []time.Duration{0, 250 * time.Millisecond, short, short + time.Hour, short + 2*time.Hour}, at)
		require.Len(t, b.Parked("payment"), 1)
	})
}

// A copy that comes due while its service's queue is missing waits for the
// queue to be declared again.
func TestRetryWaitsForItsQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSmall(t, membus.Config{})
		s := bus.Subscription{RetryLevels: []time.Duration{time.Second}}
		s.Receive = settle(t, bus.Verdict{Action: bus.RetryLater, Err: errors.New("boom")})
		first := consume(t, b, s)
		require.NoError(t, send(t.Context(), first.transport, message("order.placed")))
		synctest.Wait()
		require.NoError(t, first.end())
		b.DeleteQueue("payment")
		<-time.After(time.Minute)

		attempts := make(chan int, 1)
		s.Receive = func(ctx context.Context, d *bus.Delivery) {
			settle(t, bus.Verdict{})(ctx, d)
			attempts <- d.Attempt
		}
		consume(t, b, s)
		require.Equal(t, 2, <-attempts)
	})
}

// Closing waits for publishers that wait, until its own time is over.
func TestCloseWaitsForPublishers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSmall(t, membus.Config{})
		publisher := b.Connect()
		b.SetBlocked(true)
		answers := make(chan error, 1)
		publish := func() {
			go func() { answers <- send(t.Context(), publisher, message("order.placed")) }()
			synctest.Wait()
		}
		publish()
		time.AfterFunc(time.Second, func() { b.SetBlocked(false) })
		start := time.Now()
		require.NoError(t, publisher.Close(t.Context()))
		require.Equal(t, time.Second, time.Since(start))
		require.NoError(t, <-answers)

		publisher = b.Connect()
		b.SetBlocked(true)
		short, cancelShort := context.WithTimeout(t.Context(), time.Second)
		defer cancelShort()
		go func() { answers <- send(short, publisher, message("order.placed")) }()
		synctest.Wait()
		start = time.Now()
		require.NoError(t, publisher.Close(t.Context()))
		require.Equal(t, time.Second, time.Since(start), "no longer than the last publisher")
		require.ErrorIs(t, <-answers, bus.ErrBlocked)

		publisher = b.Connect()
		publish()
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		err := publisher.Close(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "1 messages unconfirmed")
		require.ErrorIs(t, <-answers, bus.ErrClosed)
	})
}

// While the broker can't be reached, publishers and consumers wait, and say why
// when they give up.
func TestUnreachable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSmall(t, membus.Config{})
		sessions := make(chan struct{}, 4)
		handled := make(chan struct{}, 4)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		b.SetReachable(false)
		transport := b.Connect()
		go func() {
			ended <- transport.Consume(ctx, bus.Subscription{
				Queue: "payment", Keys: []string{"#"}, Concurrency: 1, OnSession: func() { sessions <- struct{}{} },
				Receive: func(ctx context.Context, d *bus.Delivery) {
					settle(t, bus.Verdict{})(ctx, d)
					handled <- struct{}{}
				},
			})
		}()
		synctest.Wait()
		require.Empty(t, sessions)
		require.ErrorIs(t, transport.Ready(), bus.ErrUnreachable)
		publishCtx, giveUp := context.WithTimeout(t.Context(), time.Second)
		defer giveUp()
		require.ErrorIs(t, send(publishCtx, transport, message("order.placed")), bus.ErrUnreachable)

		b.SetReachable(true)
		<-sessions
		require.NoError(t, transport.Ready())
		require.NoError(t, send(t.Context(), transport, message("order.placed")))
		<-handled
		b.SetReachable(false)
		synctest.Wait()
		cancel()
		require.NoError(t, <-ended, "stopped while the broker is away")
	})
}
