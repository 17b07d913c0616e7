package servicetest

import (
	"context"
	"errors"
	"sync"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
)

// byHand is a transport whose broker is the test.
type byHand struct {
	subscribed chan bus.Subscription

	mu   sync.Mutex
	sent map[string][]event.Event // by subject
}

var _ bus.Transport = (*byHand)(nil)

func newByHand() *byHand {
	return &byHand{subscribed: make(chan bus.Subscription, 1), sent: make(map[string][]event.Event)}
}

// Send keeps the event for the test.
func (h *byHand) Send(_ context.Context, m *bus.Message, done func(error)) {
	h.mu.Lock()
	h.sent[m.Event.Subject] = append(h.sent[m.Event.Subject], m.Event)
	h.mu.Unlock()
	done(nil)
}

func (h *byHand) sentAbout(subject string) []event.Event {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]event.Event(nil), h.sent[subject]...)
}

// SendToLog drops announcements.
func (h *byHand) SendToLog(context.Context, *bus.Message) error { return nil }

// Consume leaves the subscription to the test.
func (h *byHand) Consume(ctx context.Context, s bus.Subscription) error {
	h.subscribed <- s
	s.OnSession()
	<-ctx.Done()
	return nil
}

// Tail can't be had: there is no log.
func (h *byHand) Tail(context.Context, bus.Position, func(bus.LogRecord) error) error {
	return errors.New("the bench has no log")
}

// Info describes nothing in particular.
func (h *byHand) Info() *bus.Info { return &bus.Info{System: "bench", Exchange: "events"} }

// Ready is always so.
func (h *byHand) Ready() error { return nil }

// Close has nothing to close.
func (h *byHand) Close(context.Context) error { return nil }

// settler takes down a verdict.
type settler struct{ verdict bus.Verdict }

func (s *settler) Settle(_ context.Context, _ *bus.Delivery, v bus.Verdict) error {
	s.verdict = v
	return nil
}
