package bus_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestRunReportsMistakes(t *testing.T) {
	b := newBus(t, &spy{}, bus.Config{})
	b.HandleFunc(nil, "order.placed")
	b.HandleFunc(nil, "order.placed")
	b.HandleFunc(nil, "")
	err := b.Run(t.Context())
	require.ErrorContains(t, err, `service payment: "order.placed" has a handler already`)
	require.ErrorContains(t, err, "an event type is empty", "all mistakes are said")
}

func TestRunReturnsWhatCantEverWork(t *testing.T) {
	conflict := errors.New("queue payment has x-max-length 5, not 7")
	b := newBus(t, &spy{consumeErr: conflict}, bus.Config{})
	b.HandleFunc(nil, "order.placed")
	require.ErrorIs(t, b.Run(t.Context()), conflict)
	require.Error(t, b.Run(t.Context()), "it may be called once")
	require.Panics(t, func() { b.HandleFunc(nil, "order.canceled") }, "handlers are registered before")
}

func TestReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &spy{}
		b := newBus(t, s, bus.Config{})
		b.HandleFunc(nil, "order.placed")
		require.ErrorContains(t, b.Ready(), "does not receive events yet")
		s.ready = bus.ErrUnreachable
		require.ErrorIs(t, b.Ready(), bus.ErrUnreachable, "the reason is more use")
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- b.Run(ctx) }()
		<-b.Consuming()
		require.ErrorIs(t, b.Ready(), bus.ErrUnreachable)
		s.ready = nil
		require.NoError(t, b.Ready())
		stop()
		require.NoError(t, <-ended)
	})
}

// A service announces itself at the start of each session and every interval,
// and says in its log where it could not.
func TestAnnouncements(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var lines bytes.Buffer
		s := &spy{}
		b := newBus(t, s, bus.Config{
			Version: "1.4.2", Instance: "payment-7", AnnounceEvery: time.Hour, Emits: []string{"payment.confirmed"},
			Logger: slog.New(slog.NewTextHandler(&lines, nil)),
		})
		b.HandleFunc(nil, "order.placed")
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- b.Run(ctx) }()
		synctest.Wait()
		require.Equal(t, 1, s.announcements())
		m := s.logged[0]
		require.NoError(t, m.Event.Validate())
		require.Equal(t, bus.AnnouncementType, m.Event.Type)
		require.Equal(t, "payment", m.Event.Source)
		require.Empty(t, m.Event.FlowID)
		var said bus.Announcement
		require.NoError(t, m.Event.Decode(&said))
		require.Equal(t, []string{"order.placed"}, said.Bindings)
		require.Equal(t, []int64{250, 1000, 5000, 30000}, said.RetryLevels)

		s.sub.OnSession()
		s.sub.OnSession() // a session that ends at once
		synctest.Wait()
		require.GreaterOrEqual(t, s.announcements(), 2, "at each session")
		n := s.announcements()
		<-time.After(3*time.Hour + time.Minute) // in the bubble's time
		require.Equal(t, n+3, s.announcements(), "every hour")
		require.Empty(t, lines.String())

		s.mu.Lock()
		s.logAnswer = func() error { return bus.ErrBlocked }
		s.mu.Unlock()
		<-time.After(time.Hour)
		synctest.Wait()
		require.Contains(t, lines.String(), "could not announce itself")
		require.Contains(t, lines.String(), bus.ErrBlocked.Error())
		stop()
		require.NoError(t, <-ended)
	})
}

// A bus that only publishes announces itself and waits.
func TestRunWithoutHandlers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &spy{}
		b := newBus(t, s, bus.Config{})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- b.Run(ctx) }()
		<-b.Consuming()
		synctest.Wait()
		require.Equal(t, 1, s.announcements())
		require.Empty(t, ended)
		stop()
		require.NoError(t, <-ended)
	})
}

// What goes wrong with a message is said in the log, once, with what a person
// needs to find it.
func TestVerdictsInTheLog(t *testing.T) {
	for name, c := range map[string]struct {
		handler bus.HandlerFunc
		want    []string
	}{
		"fine":    {func(context.Context, event.Event) error { return nil }, nil},
		"retry":   {func(context.Context, event.Event) error { return errors.New("no funds") }, []string{"level=WARN", "tried again", "delay=250ms"}},
		"park":    {func(context.Context, event.Event) error { return bus.Permanent(errors.New("no funds")) }, []string{"level=ERROR", "parked"}},
		"drop":    {func(context.Context, event.Event) error { return bus.Drop(errors.New("no funds")) }, []string{"level=INFO", "dropped"}},
		"panic":   {func(context.Context, event.Event) error { panic("no funds") }, []string{"level=WARN", "handler panicked", "run_test.go"}},
		"timeout": {func(ctx context.Context, _ event.Event) error { <-ctx.Done(); return errors.New("no funds") }, []string{"handler timed out after 1ms"}},
	} {
		t.Run(name, func(t *testing.T) {
			var lines bytes.Buffer
			d := delivery("order.placed")
			handle(t, bus.Config{HandlerTimeout: time.Millisecond, Logger: slog.New(slog.NewTextHandler(&lines, nil))}, c.handler, d)
			if c.want == nil {
				require.Empty(t, lines.String())
				return
			}
			require.Equal(t, 1, bytes.Count(lines.Bytes(), []byte("\n")))
			for _, want := range append(c.want, "event=order.placed", "event_id="+d.Event.ID, "queue=payment", "attempt=1", "no funds") {
				require.Contains(t, lines.String(), want)
			}
		})
	}
}

// Only what waits for the broker has a deadline, and none ends with the
// handler's context.
func TestSettleContext(t *testing.T) {
	boom := errors.New("boom")
	for _, c := range []struct {
		err      error
		action   bus.Action
		deadline bool
	}{
		{nil, bus.Ack, false},
		{boom, bus.RetryLater, true},
		{bus.Permanent(boom), bus.Park, true},
		{bus.Drop(boom), bus.Discard, false},
	} {
		s := &spy{deliveries: []*bus.Delivery{delivery("order.placed")}, handedOut: make(chan struct{})}
		b := newBus(t, s, bus.Config{})
		ctx, cancel := context.WithCancel(t.Context())
		b.HandleFunc(func(context.Context, event.Event) error {
			cancel() // the service is stopped meanwhile
			return c.err
		}, "order.placed")
		require.NoError(t, b.Run(ctx))
		require.Len(t, s.settled, 1)
		require.Equal(t, c.action, s.settled[0].verdict.Action)
		require.Equal(t, c.deadline, s.settled[0].deadline)
		require.NoError(t, s.settled[0].ctxErr)
	}
}

// A message that the service has no handler for, or that is no event, is
// parked without any handler being called.
func TestParkedUnseen(t *testing.T) {
	s := &spy{handedOut: make(chan struct{})}
	malformed := delivery("order.placed")
	malformed.Malformed = event.ErrMalformed
	s.deliveries = []*bus.Delivery{delivery("order.canceled"), malformed}
	b := newBus(t, s, bus.Config{})
	b.HandleFunc(func(context.Context, event.Event) error { panic("called") }, "order.placed")
	run(t, b, s)
	require.Equal(t, bus.Park, s.settled[0].verdict.Action)
	require.ErrorIs(t, s.settled[0].verdict.Err, bus.ErrNoHandler)
	require.Equal(t, bus.Park, s.settled[1].verdict.Action)
	require.ErrorIs(t, s.settled[1].verdict.Err, event.ErrMalformed)
}
