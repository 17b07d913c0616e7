package bus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/laban-io/laban/pkg/event"
)

// Publisher publishes events. [*Bus] does so at once; an outbox does so when
// the transaction in the context is committed. A service that takes a
// Publisher need not know which it has.
type Publisher interface {
	Publish(ctx context.Context, events ...event.Event) error
}

var _ Publisher = (*Bus)(nil)

// Publish completes the events from ctx (see [Bus.Prepare]), publishes them in
// order, and returns when the broker has confirmed each one, or with the errors
// of those that it has not.
func (b *Bus) Publish(ctx context.Context, events ...event.Event) error {
	if len(events) == 1 { // the common case, spared a slice
		done := make(chan error, 1)
		b.PublishAsync(ctx, events[0], func(err error) { done <- err })
		return <-done
	}
	done := make(chan error, len(events))
	for _, e := range events {
		b.PublishAsync(ctx, e, func(err error) { done <- err })
	}
	var errs []error
	for range events {
		if err := <-done; err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// PublishAsync is Publish for one event without the wait: done is called once,
// with nil when the broker has confirmed the event. It may be called on any
// goroutine, also before PublishAsync returns, and must not block.
//
// PublishAsync itself blocks while the window of unconfirmed messages is full,
// so a caller can't run ahead of the broker without bound.
func (b *Bus) PublishAsync(ctx context.Context, e event.Event, done func(error)) {
	m, err := b.prepare(ctx, e)
	if err != nil {
		done(err)
		return
	}
	b.send(ctx, m, done)
}

// Prepare completes e from ctx and returns it as a message that can be stored
// and published later by [Bus.Relay], as an outbox does. It fills what e leaves
// empty: id, source, service version and time; in a flow also the flow, its key
// as the subject, the causing event and when that was received; and the trace
// context, through the [Propagator] hooks.
func (b *Bus) Prepare(ctx context.Context, e event.Event) (*Message, error) {
	m, err := b.prepare(ctx, e)
	if err != nil {
		return nil, err
	}
	if len(b.hooks.propagators) > 0 {
		m.Headers = make(map[string]string, 4)
		b.hooks.inject(ctx, m.Headers)
	}
	return m, nil
}

// Relay publishes a message that [Bus.Prepare] made, in the trace it was made
// in. done is as in [Bus.PublishAsync]. Event and Headers are what a message
// must be stored with: Relay fills in where it goes if that is empty. It may
// change the headers, so give it the stored ones again for another attempt.
func (b *Bus) Relay(ctx context.Context, m *Message, done func(error)) {
	if m.Info == nil {
		m.Info = b.transport.Info()
		m.Exchange, m.RoutingKey = m.Info.Exchange, m.Event.Type
	}
	ctx = context.WithValue(ctx, scopeKey{}, &scope{
		flow: Flow{Name: m.Event.FlowName, ID: m.Event.FlowID, Key: flowKey(m.Event)},
	})
	b.send(b.hooks.extract(ctx, m.Headers), m, done)
}

func (b *Bus) prepare(ctx context.Context, e event.Event) (*Message, error) {
	if b.cfg.Emits != nil && !slices.Contains(b.cfg.Emits, e.Type) {
		return nil, fmt.Errorf("%w: %s publishes %q, it declares %q", ErrUndeclared, b.cfg.Service, e.Type, b.cfg.Emits)
	}
	if len(e.Data) > b.cfg.MaxDataBytes {
		return nil, fmt.Errorf("%w: data of %s has %d bytes, MaxDataBytes is %d", ErrTooLarge, e.Type, len(e.Data), b.cfg.MaxDataBytes)
	}
	b.complete(ctx, &e)
	if err := e.Validate(); err != nil {
		return nil, fmt.Errorf("publish %q: %w", e.Type, err)
	}
	info := b.transport.Info()
	return &Message{Event: e, Exchange: info.Exchange, RoutingKey: e.Type, Info: info}, nil
}

// complete fills in what e leaves empty.
func (b *Bus) complete(ctx context.Context, e *event.Event) {
	if e.ID == "" {
		e.ID = event.NewID()
	}
	if e.Source == "" {
		e.Source = b.cfg.Service
	}
	if e.ServiceVersion == "" {
		e.ServiceVersion = b.cfg.Version
	}
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	s := scopeOf(ctx)
	if s == nil {
		return
	}
	if e.FlowID == "" && e.FlowName == "" {
		e.FlowName, e.FlowID = s.flow.Name, s.flow.ID
		if e.Subject == "" {
			e.Subject = s.flow.Key
		}
	}
	if e.CausationID == "" {
		e.CausationID, e.TriggerTime = s.causationID, s.triggerTime
	}
}

func (b *Bus) send(ctx context.Context, m *Message, done func(error)) {
	if len(b.hooks.publish) == 0 {
		b.transport.Send(ctx, m, done)
		return
	}
	start := time.Now()
	ctx = b.hooks.publishStart(ctx, m)
	b.transport.Send(ctx, m, func(err error) {
		b.hooks.publishEnd(ctx, m, time.Since(start), err)
		done(err)
	})
}
