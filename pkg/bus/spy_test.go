package bus_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
)

// spy is a transport that notes what it is asked to do, and hands out the
// deliveries that a test gives it, one after the other.
type spy struct {
	answer     func(*bus.Message) error // to Send; nil: nil
	logAnswer  func() error             // to SendToLog; nil: nil
	ready      error
	consumeErr error
	deliveries []*bus.Delivery
	handedOut  chan struct{} // closed then

	mu      sync.Mutex
	sent    []*bus.Message
	logged  []*bus.Message
	settled []settlement
	sub     bus.Subscription
}

type settlement struct {
	verdict  bus.Verdict
	ctxErr   error
	deadline bool
}

var spyInfo = &bus.Info{System: "spy", Exchange: "events"}

func (s *spy) Send(_ context.Context, m *bus.Message, done func(error)) {
	s.mu.Lock()
	s.sent = append(s.sent, m)
	s.mu.Unlock()
	if s.answer != nil {
		done(s.answer(m))
		return
	}
	done(nil)
}

func (s *spy) SendToLog(_ context.Context, m *bus.Message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.logged = append(s.logged, m)
	if s.logAnswer != nil {
		return s.logAnswer()
	}
	return nil
}

// Consume hands out the deliveries and returns when ctx ends.
func (s *spy) Consume(ctx context.Context, sub bus.Subscription) error {
	s.sub = sub
	if s.consumeErr != nil {
		return s.consumeErr
	}
	sub.OnSession()
	for _, d := range s.deliveries {
		d.Settler, d.Info = s, spyInfo
		sub.Receive(ctx, d)
	}
	if s.handedOut != nil {
		close(s.handedOut)
	}
	<-ctx.Done()
	return nil
}

func (s *spy) Settle(ctx context.Context, _ *bus.Delivery, v bus.Verdict) error {
	_, deadline := ctx.Deadline()
	s.settled = append(s.settled, settlement{v, ctx.Err(), deadline})
	return nil
}

func (s *spy) Tail(ctx context.Context, _ bus.Position, _ func(bus.LogRecord) error) error {
	<-ctx.Done()
	return nil
}

func (s *spy) Info() *bus.Info             { return spyInfo }
func (s *spy) Ready() error                { return s.ready }
func (s *spy) Close(context.Context) error { return nil }

// messages returns what was sent so far.
func (s *spy) messages() []*bus.Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*bus.Message(nil), s.sent...)
}

func (s *spy) announcements() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.logged)
}

// newBus returns a bus on s that keeps its log lines to itself.
func newBus(t testing.TB, s *spy, cfg bus.Config) *bus.Bus {
	t.Helper()
	if cfg.Service == "" {
		cfg.Service = "payment"
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	b, err := bus.New(cfg, s)
	require.NoError(t, err)
	return b
}

// delivery returns a first delivery of an event of the given type, in a flow.
func delivery(typ string) *bus.Delivery {
	return &bus.Delivery{
		Message: bus.Message{
			Event: event.Event{
				ID: event.NewID(), Source: "order", Type: typ, Subject: "1042",
				FlowName: "order", FlowID: "01KF", Data: []byte(`{"amount":4900}`),
			},
			Headers: map[string]string{"traceparent": "00-a"}, Exchange: "events", RoutingKey: typ,
		},
		Queue: "payment", Attempt: 1,
	}
}

// handle runs a bus with one handler for all types on the given deliveries, and
// returns how they were settled.
func handle(t testing.TB, cfg bus.Config, h bus.HandlerFunc, deliveries ...*bus.Delivery) []settlement {
	t.Helper()
	s := &spy{deliveries: deliveries, handedOut: make(chan struct{})}
	b := newBus(t, s, cfg)
	b.Handle(h, "#")
	run(t, b, s)
	return s.settled
}

// run runs a bus until its transport has handed out everything.
func run(t testing.TB, b *bus.Bus, s *spy) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	<-s.handedOut
	cancel()
	require.NoError(t, <-ended)
}
