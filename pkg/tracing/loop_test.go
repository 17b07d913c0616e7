package tracing_test

import (
	"context"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/bus"
)

// loop is a transport with one queue: what is sent is received by whoever
// consumes, one after another. A retried message comes back at once.
type loop struct {
	sent   chan *bus.Message
	waited time.Duration // how long ago deliveries were received

	mu      sync.Mutex
	wire    []*bus.Message // everything that was sent, as it was
	settled chan bus.Verdict
}

func newLoop() *loop {
	return &loop{sent: make(chan *bus.Message, 100), settled: make(chan bus.Verdict, 100)}
}

func (l *loop) Send(_ context.Context, m *bus.Message, done func(error)) {
	c := *m
	c.Headers = maps.Clone(m.Headers)
	l.mu.Lock()
	l.wire = append(l.wire, &c)
	l.mu.Unlock()
	l.sent <- &c
	done(nil)
}

func (l *loop) messages() []*bus.Message {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]*bus.Message(nil), l.wire...)
}

func (l *loop) SendToLog(context.Context, *bus.Message) error { return nil }

func (l *loop) Consume(ctx context.Context, s bus.Subscription) error {
	s.OnSession()
	for {
		select {
		case <-ctx.Done():
			return nil
		case m := <-l.sent:
			for attempt := 1; attempt > 0; {
				d := deliver(m, s.Queue, attempt)
				d.Received = d.Received.Add(-l.waited)
				settler := &loopSettler{}
				d.Settler = settler
				s.Receive(ctx, d)
				l.settled <- settler.verdict
				attempt++
				if settler.verdict.Action != bus.RetryLater {
					attempt = 0
				}
			}
		}
	}
}

type loopSettler struct{ verdict bus.Verdict }

func (s *loopSettler) Settle(_ context.Context, _ *bus.Delivery, v bus.Verdict) error {
	s.verdict = v
	return nil
}

func (l *loop) Tail(ctx context.Context, _ bus.Position, _ func(bus.LogRecord) error) error {
	<-ctx.Done()
	return nil
}
func (l *loop) Info() *bus.Info               { return rabbit() }
func (l *loop) Ready() error                  { return nil }
func (l *loop) Close(_ context.Context) error { return nil }

// run runs a bus over l until the test ends.
func run(t *testing.T, l *loop, hooks bus.Hook, service string, register func(*bus.Bus)) *bus.Bus {
	t.Helper()
	b, err := bus.New(bus.Config{Service: service, Hooks: []bus.Hook{hooks}, RetryLevels: []time.Duration{time.Millisecond}}, l)
	require.NoError(t, err)
	register(b)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-ended)
	})
	<-b.Consuming()
	return b
}

// next waits for a delivery to be settled.
func (l *loop) next(t *testing.T) bus.Verdict {
	t.Helper()
	select {
	case v := <-l.settled:
		return v
	case <-time.After(10 * time.Second):
		require.FailNow(t, "nothing was settled")
		return bus.Verdict{}
	}
}
