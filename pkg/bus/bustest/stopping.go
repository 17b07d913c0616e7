package bustest

import (
	"context"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
)

// testDrain: a service that stops begins nothing new, lets what runs finish and
// acknowledges it; all else is there for the next one.
func testDrain(s *stage) {
	const concurrency, n = 2, 10
	first, second := s.record(), s.record()
	inside := make(chan struct{}, n)
	release := make(chan struct{})
	v := s.serve(bus.Config{Service: "payment", Concurrency: concurrency}, func(ctx context.Context, e event.Event) error {
		first.add(ctx, e)
		inside <- struct{}{}
		if err := hold(ctx, release); err != nil {
			return err
		}
		timer := time.NewTimer(50 * time.Millisecond)
		defer timer.Stop()
		select {
		case <-timer.C: // it may go on for a while after the service was stopped
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}, "order.placed")
	publisher := s.publisher()
	var sent []string
	for range n {
		e := made("order.placed")
		sent = append(sent, e.ID)
		s.publish(publisher, e)
	}
	for range concurrency {
		receive(s, inside, "running handlers")
	}
	v.cancel()
	close(release)
	require.NoError(s, v.wait())
	require.Len(s, first.all(), concurrency, "nothing new is begun")

	s.serve(bus.Config{Service: "payment", Concurrency: 1}, second.handle, "order.placed", fence)
	second.wait(n - concurrency)
	last := made(fence)
	s.publish(publisher, last)
	second.until(last.ID)
	require.ElementsMatch(s, append(sent, last.ID), append(ids(first.all()), ids(second.all())...), "each event was handled once")
	for _, c := range second.all() {
		require.Equal(s, 1, c.attempt)
	}
}

// testHardStop: a handler that takes longer to drain than allowed has its
// context ended with the reason. What it fails to do comes again as if it had
// never been tried, what it did nevertheless does not.
func testHardStop(s *stage) {
	causes := make(chan error, 2)
	inside := make(chan struct{}, 2)
	first := s.record()
	v := s.serve(bus.Config{Service: "payment", DrainTimeout: 50 * time.Millisecond}, func(ctx context.Context, e event.Event) error {
		first.add(ctx, e)
		inside <- struct{}{}
		<-ctx.Done()
		causes <- context.Cause(ctx)
		if e.Subject == "done" {
			return nil
		}
		return ctx.Err()
	}, "order.placed")
	publisher := s.publisher()
	undone, done := made("order.placed").WithSubject("undone"), made("order.placed").WithSubject("done")
	s.publish(publisher, undone, done)
	receive(s, inside, "handler")
	receive(s, inside, "handler")
	v.stop()
	require.ErrorIs(s, receive(s, causes, "cause"), bus.ErrStopped)
	require.ErrorIs(s, receive(s, causes, "cause"), bus.ErrStopped)

	second := s.record()
	s.serve(bus.Config{Service: "payment", Concurrency: 1}, second.handle, "order.placed", fence)
	second.until(undone.ID)
	last := made(fence)
	s.publish(publisher, last)
	calls := second.until(last.ID)
	require.Equal(s, []string{undone.ID, last.ID}, ids(calls))
	require.Equal(s, 1, calls[0].attempt, "being stopped is no attempt")
	require.True(s, calls[0].redelivered)
	require.Empty(s, s.broker.Parked(s, "payment"))
}

// testStopEarly: a service may be stopped before it started, and twice; it runs
// once.
func testStopEarly(s *stage) {
	got := s.record()
	e := made("order.placed")
	s.serve(bus.Config{Service: "payment"}, got.handle, "order.placed").stop()
	s.publish(s.publisher(), e)

	b, _ := s.newBus(bus.Config{Service: "payment"})
	b.HandleFunc(got.handle, "order.placed")
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	require.NoError(s, b.Run(ended), "stopped before it started")
	require.Error(s, b.Run(s.patience()), "a bus runs once")
	require.Empty(s, got.all())

	v := s.serve(bus.Config{Service: "payment"}, got.handle, "order.placed")
	got.until(e.ID)
	v.cancel()
	v.stop()
	require.Equal(s, []string{e.ID}, ids(got.all()))
}

// testReady: a bus says whether it receives events.
func testReady(s *stage) {
	b, t := s.newBus(bus.Config{Service: "payment"})
	b.HandleFunc(s.record().handle, "order.placed")
	require.Error(s, b.Ready(), "before it runs")
	v := s.run(b, t)
	s.eventually(func() bool { return b.Ready() == nil }, "a bus that is ready")
	v.stop()
	require.NoError(s, t.Close(s.patience()))
	require.Error(s, b.Ready(), "after it was closed")
}

// testClose: a transport that is closed takes nothing, says so, and may be
// closed again.
func testClose(s *stage) {
	b, t := s.newBus(bus.Config{Service: "order"})
	s.publish(b, made("order.placed"))
	require.NoError(s, t.Close(s.patience()))
	require.NoError(s, t.Close(s.patience()), "closed twice")
	ctx := s.patience()
	require.ErrorIs(s, b.Publish(ctx, made("order.placed")), bus.ErrClosed)
	e := complete()
	require.ErrorIs(s, t.SendToLog(ctx, &bus.Message{Event: e, RoutingKey: e.Type}), bus.ErrClosed)
	require.ErrorIs(s, t.Tail(ctx, bus.First(), func(bus.LogRecord) error { return nil }), bus.ErrClosed)
	require.ErrorIs(s, t.Consume(ctx, bus.Subscription{
		Queue: "payment", Keys: []string{"order.placed"}, Concurrency: 1, Receive: func(context.Context, *bus.Delivery) {},
	}), bus.ErrClosed)
	require.Error(s, t.Ready())
}

// testCloseConsuming: a consumer whose transport is closed has died. What it had
// in hand comes again, marked, to another; what it settles late counts nothing.
func testCloseConsuming(s *stage) {
	const n = 6
	first, second := s.record(), s.record()
	inside := make(chan struct{}, n)
	causes := make(chan error, n)
	v := s.serve(bus.Config{Service: "payment", Concurrency: 2}, func(ctx context.Context, e event.Event) error {
		first.add(ctx, e)
		inside <- struct{}{}
		<-ctx.Done()
		causes <- context.Cause(ctx)
		return nil // too late
	}, "order.placed")
	tail := s.tail(v.transport, bus.First())
	publisher := s.publisher()
	var sent []string
	for range n {
		e := made("order.placed")
		sent = append(sent, e.ID)
		s.publish(publisher, e)
	}
	receive(s, inside, "running handlers")
	receive(s, inside, "running handlers")
	require.NoError(s, v.transport.Close(s.patience()))
	require.ErrorIs(s, v.wait(), bus.ErrClosed)
	require.ErrorIs(s, receive(s, tail.ended, "end of Tail"), bus.ErrClosed)
	require.ErrorIs(s, receive(s, causes, "cause"), bus.ErrSessionLost)
	require.ErrorIs(s, receive(s, causes, "cause"), bus.ErrSessionLost)

	s.serve(bus.Config{Service: "payment", Concurrency: 1}, second.handle, "order.placed")
	second.wait(n)
	require.ElementsMatch(s, sent, ids(second.all()))
	handled := ids(first.all())
	for _, c := range second.all() {
		require.Equal(s, 1, c.attempt, "a lost session is no attempt")
		for _, id := range handled {
			require.False(s, c.ID == id && !c.redelivered, "an event that was in hand is marked as redelivered")
		}
	}
}
