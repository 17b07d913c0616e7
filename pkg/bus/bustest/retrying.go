package bustest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
)

var errBoom = errors.New("boom")

// failTimes fails the first n attempts.
func failTimes(n int) func(call) error {
	return func(c call) error {
		if c.attempt <= n {
			return errBoom
		}
		return nil
	}
}

// testRetryLevels: a failing event comes again after each level's delay, one
// attempt older each time, as it was, and stays at the last level.
func testRetryLevels(s *stage) {
	levels := []time.Duration{30 * time.Millisecond, 90 * time.Millisecond}
	got := s.record()
	s.serve(bus.Config{Service: "payment", RetryLevels: levels, MaxAttempts: 5}, got.failing(failTimes(3)), "order.placed")
	publisher, _ := s.newBus(bus.Config{Service: "order", Hooks: []bus.Hook{stamp{}}})
	e := complete()
	s.publish(publisher, e)
	last := made("order.placed") // does not fail before its fourth attempt either
	calls := got.wait(4)
	s.delay(levels[0], calls[0], calls[1])
	s.delay(levels[1], calls[1], calls[2])
	s.delay(levels[1], calls[2], calls[3])
	for i, c := range calls {
		require.Equal(s, i+1, c.attempt)
		s.sameEvent(e, c.Event, fmt.Sprint("event of attempt ", i+1))
		require.Equal(s, traceparent, c.headers["traceparent"])
		require.Equal(s, calls[0].exchange, c.exchange, "where the original was published")
		require.Equal(s, "order.placed", c.routingKey, "where the original was published")
		require.Equal(s, "payment", c.queue)
	}
	s.publish(publisher, last)
	s.eventually(func() bool { return len(got.all()) == 8 }, "four attempts of the second event")
	require.Empty(s, s.broker.Parked(s, "payment"))
	require.Empty(s, s.broker.Lost(s))
}

// testRetryDelay: a delay that the handler asks for is rounded up to a level,
// whichever attempt it is, and one that is longer than all is the longest.
func testRetryDelay(s *stage) {
	levels := []time.Duration{20 * time.Millisecond, 150 * time.Millisecond, 10 * time.Minute}
	ask := map[string][]time.Duration{ // by subject: what each attempt asks for
		"up":    {21 * time.Millisecond},
		"short": {time.Millisecond, time.Millisecond, 20 * time.Millisecond}, // the third level would outlast the test
	}
	got := s.record()
	s.serve(bus.Config{Service: "payment", RetryLevels: levels, MaxAttempts: 9}, got.failing(func(c call) error {
		if delays := ask[c.Subject]; c.attempt <= len(delays) {
			return bus.RetryAfter(errBoom, delays[c.attempt-1])
		}
		return nil
	}), "order.placed")
	publisher := s.publisher()
	s.publish(publisher, made("order.placed").WithSubject("up"), made("order.placed").WithSubject("short"))
	var up, short []call
	for _, c := range got.wait(2 + 4) {
		if c.Subject == "up" {
			up = append(up, c)
		} else {
			short = append(short, c)
		}
	}
	require.Len(s, up, 2)
	s.delay(levels[1], up[0], up[1])
	require.Len(s, short, 4)
	for i := 1; i < 4; i++ {
		s.delay(levels[0], short[i-1], short[i])
	}
}

// testRetryShortBehindLong: an event that waits at a short level is not held up by
// one that came before it and waits at a long one.
func testRetryShortBehindLong(s *stage) {
	levels := []time.Duration{20 * time.Millisecond, 500 * time.Millisecond}
	got := s.record()
	s.serve(bus.Config{Service: "payment", RetryLevels: levels, Concurrency: 1}, got.failing(func(c call) error {
		switch {
		case c.attempt > 1:
			return nil
		case c.Subject == "long":
			return bus.RetryAfter(errBoom, levels[1])
		default:
			return bus.RetryAfter(errBoom, levels[0])
		}
	}), "order.placed")
	publisher := s.publisher()
	s.publish(publisher, made("order.placed").WithSubject("long"), made("order.placed").WithSubject("short"))
	calls := got.wait(4)
	require.Equal(s, "short", calls[2].Subject)
	require.Equal(s, "long", calls[3].Subject)
	s.delay(levels[1], calls[0], calls[3])
}

// testRetryHoldsUpNothing: while an event waits for its next attempt, the queue
// goes on, also with events of the same key.
func testRetryHoldsUpNothing(s *stage) {
	const n = 20
	got := s.record()
	s.serve(bus.Config{Service: "payment", Concurrency: 1, RetryLevels: []time.Duration{time.Second}}, got.failing(func(c call) error {
		if c.Extensions["fail"] == "once" && c.attempt == 1 {
			return errBoom
		}
		return nil
	}), "order.placed")
	publisher := s.publisher()
	bad := made("order.placed").WithSubject("1042")
	bad.Extensions = map[string]string{"fail": "once"}
	all := []event.Event{bad}
	for range n {
		all = append(all, made("order.placed").WithSubject("1042"))
	}
	s.publish(publisher, all...)
	calls := got.wait(n + 2)
	require.Equal(s, bad.ID, calls[0].ID)
	require.Equal(s, bad.ID, calls[n+1].ID, "the others were handled while it waited")
	require.Equal(s, 2, calls[n+1].attempt)
}

// testRetryReachesOneQueue: a retried message comes back to the service that
// failed, and to no other that asked for the event.
func testRetryReachesOneQueue(s *stage) {
	payment, inventory, audit := s.record(), s.record(), s.record()
	s.serve(bus.Config{Service: "payment", Concurrency: 1}, payment.failing(failTimes(1)), "order.placed", fence)
	s.serve(bus.Config{Service: "inventory", Concurrency: 1}, inventory.handle, "order.placed", fence)
	s.serve(bus.Config{Service: "audit", Concurrency: 1}, audit.handle, "#")
	publisher := s.publisher()
	e := made("order.placed")
	s.publish(publisher, e)
	payment.wait(2)
	last := made(fence)
	s.publish(publisher, last)
	require.Equal(s, []string{e.ID, e.ID, last.ID}, ids(payment.until(last.ID)))
	require.Equal(s, []string{e.ID, last.ID}, ids(inventory.until(last.ID)))
	require.Equal(s, []string{e.ID, last.ID}, ids(audit.until(last.ID)))
}

// testRetryOutlivesService: a message that waits for another attempt is there
// when the service comes back.
func testRetryOutlivesService(s *stage) {
	got := s.record()
	cfg := bus.Config{Service: "payment", RetryLevels: []time.Duration{150 * time.Millisecond}}
	v := s.serve(cfg, got.failing(failTimes(1)), "order.placed")
	e := made("order.placed")
	s.publish(s.publisher(), e)
	got.wait(1)
	v.stop()
	require.Len(s, got.all(), 1)
	s.serve(cfg, got.failing(failTimes(1)), "order.placed")
	calls := got.wait(2)
	require.Equal(s, e.ID, calls[1].ID)
	require.Equal(s, 2, calls[1].attempt)
}

// testTimeout: a handler that takes too long has its context ended with the
// reason, and its event is tried again.
func testTimeout(s *stage) {
	causes := make(chan error, 2)
	s.serve(bus.Config{Service: "payment", HandlerTimeout: 30 * time.Millisecond, MaxAttempts: 2}, func(ctx context.Context, _ event.Event) error {
		<-ctx.Done()
		causes <- context.Cause(ctx)
		return ctx.Err()
	}, "order.placed")
	s.publish(s.publisher(), made("order.placed"))
	require.ErrorIs(s, receive(s, causes, "first attempt"), bus.ErrHandlerTimeout)
	require.ErrorIs(s, receive(s, causes, "second attempt"), bus.ErrHandlerTimeout)
	parked := s.parked(1)
	require.Contains(s, parked[0].Headers[bus.HeaderError], bus.ErrHandlerTimeout.Error())
}

// testPanic: a handler that panics is a handler that failed; its service lives.
func testPanic(s *stage) {
	got := s.record()
	s.serve(bus.Config{Service: "payment", Concurrency: 1, MaxAttempts: 2}, got.failing(func(c call) error {
		if c.Type == "order.placed" {
			panic("the till is open") //nolint:forbidigo // a handler that panics is what is tested
		}
		return nil
	}), "order.placed", fence)
	publisher := s.publisher()
	e := made("order.placed")
	s.publish(publisher, e)
	parked := s.parked(1)
	require.Equal(s, e.ID, parked[0].Event.ID)
	require.Contains(s, parked[0].Headers[bus.HeaderError], "the till is open")
	last := made(fence)
	s.publish(publisher, last)
	require.Equal(s, []string{e.ID, e.ID, last.ID}, ids(got.until(last.ID)))
}

// testGoexit: a handler that ends its goroutine costs its message an attempt,
// and the service no worker.
func testGoexit(s *stage) {
	got := s.record()
	s.serve(bus.Config{Service: "payment", Concurrency: 2, MaxAttempts: 2}, got.failing(func(c call) error {
		if c.Type == "order.placed" {
			runtime.Goexit()
		}
		return nil
	}), "order.placed", fence)
	publisher := s.publisher()
	const exits = 3 // more than there are workers
	for range exits {
		s.publish(publisher, made("order.placed"))
	}
	for _, p := range s.parked(exits) {
		require.Contains(s, p.Headers[bus.HeaderError], "runtime.Goexit")
	}
	last := made(fence)
	s.publish(publisher, last)
	require.Len(s, got.until(last.ID), 2*exits+1, "two attempts each")
}
