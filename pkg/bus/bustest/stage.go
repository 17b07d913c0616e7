package bustest

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
)

// stage is what one test plays on: a broker of its own, and the services that
// the test starts on it.
type stage struct {
	*testing.T
	h      Harness
	broker Broker
}

func newStage(t *testing.T, h Harness, private bool) *stage {
	open := h.New
	if private {
		open = h.NewPrivate
	}
	return &stage{T: t, h: h, broker: open(t)}
}

// transport returns a transport that is closed when the test ends.
func (s *stage) transport() bus.Transport {
	t := s.broker.Open(s)
	s.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), s.h.Patience)
		defer cancel()
		_ = t.Close(ctx) // the tests of Close look at its error
	})
	return t
}

// newBus returns a bus on a transport of its own. What the test does not set is
// set so that tests are quick.
func (s *stage) newBus(cfg bus.Config) (*bus.Bus, bus.Transport) {
	s.Helper()
	if cfg.RetryLevels == nil {
		cfg.RetryLevels = []time.Duration{20 * time.Millisecond, 60 * time.Millisecond}
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.NewTextHandler(s.Output(), nil))
	}
	t := s.transport()
	b, err := bus.New(cfg, t)
	require.NoError(s, err)
	return b, t
}

// publisher returns a bus of a service that only publishes.
func (s *stage) publisher() *bus.Bus {
	s.Helper()
	b, _ := s.newBus(bus.Config{Service: "order", Version: "2.0.1"})
	return b
}

// service is a running bus.
type service struct {
	*bus.Bus
	s         *stage
	transport bus.Transport
	cancel    context.CancelFunc
	ended     chan error
	stopped   bool
}

// serve starts a service that reacts to the given types, and returns when it
// consumes. It is stopped when the test ends.
func (s *stage) serve(cfg bus.Config, h bus.HandlerFunc, types ...string) *service {
	s.Helper()
	b, t := s.newBus(cfg)
	b.Handle(h, types...)
	return s.run(b, t)
}

// run runs a bus, and returns when it consumes.
func (s *stage) run(b *bus.Bus, t bus.Transport) *service {
	s.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	v := &service{Bus: b, s: s, transport: t, cancel: cancel, ended: make(chan error, 1)}
	go func() { v.ended <- b.Run(ctx) }()
	s.Cleanup(func() {
		if !v.stopped {
			v.stop()
		}
	})
	select {
	case <-b.Consuming():
	case err := <-v.ended:
		v.stopped = true
		require.FailNow(s, "the service ended before it consumed", "error: %v", err)
	case <-time.After(s.h.Patience):
		require.FailNow(s, "the service does not begin to consume")
	}
	return v
}

// stop stops the service in order.
func (v *service) stop() {
	v.s.Helper()
	v.cancel()
	require.NoError(v.s, v.wait(), "a service that was stopped in order")
}

// wait returns what Run returns.
func (v *service) wait() error {
	v.s.Helper()
	v.stopped = true
	select {
	case err := <-v.ended:
		return err
	case <-time.After(v.s.h.Patience):
		require.FailNow(v.s, "the service does not stop")
		return nil
	}
}

// publish publishes events in order and requires that the broker has them.
func (s *stage) publish(b *bus.Bus, events ...event.Event) {
	s.Helper()
	require.NoError(s, b.Publish(s.patience(), events...))
}

// patience is a context for what must happen in time.
func (s *stage) patience() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), s.h.Patience)
	s.Cleanup(cancel)
	return ctx
}

// eventually waits until ok says so. Unlike require.Eventually it asks on the
// test's own goroutine, where a Broker may fail the test.
func (s *stage) eventually(ok func() bool, what string, args ...any) {
	s.Helper()
	const first, longest = time.Millisecond, 50 * time.Millisecond // asking a real broker costs something
	deadline := time.Now().Add(s.h.Patience)
	for wait := first; !ok(); wait = min(2*wait, longest) {
		if time.Now().After(deadline) {
			require.FailNowf(s, "waited in vain", what, args...)
		}
		timer := time.NewTimer(wait)
		<-timer.C
	}
}

// receive returns the next value of a channel, in time.
func receive[T any](s *stage, c <-chan T, what string) T {
	s.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(s.h.Patience):
		require.FailNow(s, "waited in vain", what)
		panic("unreachable") //nolint:forbidigo // FailNow does not return
	}
}
