package bus_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
)

// wrap calls a handler through a middleware.
func wrap(ctx context.Context, m bus.Middleware, h bus.HandlerFunc) error {
	return m(h).Handle(ctx, event.New("order.placed", nil))
}

func TestRecover(t *testing.T) {
	boom := errors.New("boom")
	require.NoError(t, wrap(t.Context(), bus.Recover(), func(context.Context, event.Event) error { return nil }))
	require.ErrorIs(t, wrap(t.Context(), bus.Recover(), func(context.Context, event.Event) error { return boom }), boom)

	err := wrap(t.Context(), bus.Recover(), func(context.Context, event.Event) error { panic(fmt.Errorf("till: %w", boom)) })
	var p *bus.PanicError
	require.ErrorAs(t, err, &p)
	require.Equal(t, "handler panicked: till: boom", err.Error())
	require.ErrorIs(t, err, boom)
	require.Contains(t, string(p.Stack), "middleware_test.go")

	err = wrap(t.Context(), bus.Recover(), func(context.Context, event.Event) error { panic(7) })
	require.EqualError(t, err, "handler panicked: 7")
	require.NoError(t, errors.Unwrap(err))

	err = wrap(t.Context(), bus.Recover(), func(_ context.Context, e event.Event) error {
		return fmt.Errorf("%d", len(e.Data)/len(e.Subject))
	})
	var fault runtime.Error
	require.ErrorAs(t, err, &fault)
}

func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := bus.Timeout(time.Minute)
		boom := errors.New("boom")
		require.ErrorIs(t, wrap(t.Context(), m, func(context.Context, event.Event) error { return boom }), boom)
		start := time.Now()
		err := wrap(t.Context(), m, func(ctx context.Context, _ event.Event) error {
			<-ctx.Done()
			require.ErrorIs(t, context.Cause(ctx), bus.ErrHandlerTimeout)
			return fmt.Errorf("charge: %w", ctx.Err())
		})
		require.Equal(t, time.Minute, time.Since(start))
		require.ErrorIs(t, err, bus.ErrHandlerTimeout)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.EqualError(t, err, "handler timed out after 1m0s: charge: context deadline exceeded")

		require.NoError(t, wrap(t.Context(), m, func(ctx context.Context, _ event.Event) error {
			<-ctx.Done()
			return nil // done nevertheless
		}))
		err = wrap(t.Context(), m, func(ctx context.Context, _ event.Event) error {
			<-ctx.Done()
			return context.Cause(ctx)
		})
		require.Equal(t, bus.ErrHandlerTimeout, err, "it is said once")

		// Another end of the context is not taken for a timeout.
		ctx, cancel := context.WithCancelCause(t.Context())
		err = wrap(ctx, m, func(ctx context.Context, _ event.Event) error {
			cancel(bus.ErrStopped)
			return ctx.Err()
		})
		require.Equal(t, context.Canceled, err)
	})
}

func TestClassify(t *testing.T) {
	unknown, busy := errors.New("unknown card"), errors.New("busy")
	actionOf := func(err error) bus.Action {
		return handle(t, bus.Config{Middleware: []bus.Middleware{bus.Classify(unknown, context.DeadlineExceeded)}},
			func(context.Context, event.Event) error { return err }, delivery("order.placed"))[0].verdict.Action
	}
	require.Equal(t, bus.Ack, actionOf(nil))
	require.Equal(t, bus.Park, actionOf(fmt.Errorf("charge: %w", unknown)))
	require.Equal(t, bus.Park, actionOf(context.DeadlineExceeded))
	require.Equal(t, bus.RetryLater, actionOf(busy))
	require.Equal(t, bus.RetryLater, actionOf(bus.Retry(unknown)), "what the handler said goes before")
	require.Equal(t, bus.Discard, actionOf(fmt.Errorf("charge: %w", bus.Drop(unknown))))
}

func TestTyped(t *testing.T) {
	type payment struct{ Amount int }
	var got payment
	h := bus.Typed(func(_ context.Context, e event.Event, p payment) error {
		got = p
		return errors.New("from the handler of " + e.Type)
	})
	require.EqualError(t, h.Handle(t.Context(), event.New("order.placed", payment{7})), "from the handler of order.placed")
	require.Equal(t, payment{7}, got)
	require.ErrorIs(t, h.Handle(t.Context(), event.New("order.placed", "text")), event.ErrData)
	require.ErrorIs(t, h.Handle(t.Context(), event.New("order.placed", nil)), event.ErrData)
}

// Middlewares run in the order in which they are given, inside Recover and
// Timeout, and those added later only for handlers that come after.
func TestMiddlewareOrder(t *testing.T) {
	var trail []string
	named := func(name string) bus.Middleware {
		return func(next bus.Handler) bus.Handler {
			return bus.HandlerFunc(func(ctx context.Context, e event.Event) error {
				_, bounded := ctx.Deadline()
				require.True(t, bounded, "inside Timeout")
				trail = append(trail, name)
				return next.Handle(ctx, e)
			})
		}
	}
	s := &spy{deliveries: []*bus.Delivery{delivery("first"), delivery("second"), delivery("third")}, handedOut: make(chan struct{})}
	configured := make([]bus.Middleware, 1, 8) // with room to spare, which Use must leave alone
	configured[0] = named("configured")
	b := newBus(t, s, bus.Config{Middleware: configured})
	h := func(_ context.Context, e event.Event) error { trail = append(trail, e.Type); return nil }
	b.HandleFunc(h, "first")
	b.Use(named("added"), named("too"))
	b.HandleFunc(h, "second")
	b.Use(func(bus.Handler) bus.Handler {
		return bus.HandlerFunc(func(context.Context, event.Event) error { panic("in a middleware") })
	})
	b.HandleFunc(h, "third")
	run(t, b, s)
	require.Equal(t, "configured first configured added too second configured added too", strings.Join(trail, " "))
	var p *bus.PanicError
	require.ErrorAs(t, s.settled[2].verdict.Err, &p, "inside Recover")
}

func TestDirectivesOfNil(t *testing.T) {
	require.NoError(t, bus.Retry(nil))
	require.NoError(t, bus.RetryAfter(nil, time.Second))
	require.NoError(t, bus.Permanent(nil))
	require.NoError(t, bus.Drop(nil))
}

func TestDirectivesKeepTheError(t *testing.T) {
	boom := errors.New("boom")
	for _, err := range []error{bus.Retry(boom), bus.RetryAfter(boom, time.Second), bus.Permanent(boom), bus.Drop(boom)} {
		require.ErrorIs(t, err, boom)
		require.EqualError(t, err, "boom")
	}
}
