package membus

import (
	"context"
	"errors"
	"fmt"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
)

// Transport is one connection to a [Broker]. Get one from [Broker.Connect]. It
// is safe for concurrent use.
type Transport struct {
	broker *Broker

	// Guarded by Broker.mu.
	pending int  // publishers that wait
	closing bool // no new publishers
	closed  bool // no old ones either
}

var _ bus.Transport = (*Transport)(nil)

// Info describes the broker, see [bus.Transport].
func (t *Transport) Info() *bus.Info { return t.broker.info }

// Ready returns nil if the broker can be reached, see [bus.Transport].
func (t *Transport) Ready() error {
	t.broker.mu.Lock()
	defer t.broker.mu.Unlock()
	if err := t.broker.refused(t); err != nil && !errors.Is(err, bus.ErrBlocked) {
		return err
	}
	return nil
}

// Close disconnects, see [bus.Transport]. Publishers that wait have until ctx
// ends.
func (t *Transport) Close(ctx context.Context) error {
	b := t.broker
	b.mu.Lock()
	defer b.mu.Unlock()
	t.closing = true
	err := b.await(ctx, func() error {
		if t.pending > 0 && !t.closed {
			return fmt.Errorf("close with %d messages unconfirmed", t.pending)
		}
		return nil
	})
	t.closed = true
	for s := range b.sessions {
		if s.consumer.transport == t {
			b.lose(s)
		}
	}
	b.gate.changed()
	b.log.wake()
	return err
}

// Send publishes m, see [bus.Transport].
func (t *Transport) Send(ctx context.Context, m *bus.Message, done func(error)) {
	msg, err := newMessage(m, exchangeEvents, m.RoutingKey, t.broker.cfg.MaxMessageBytes)
	if err == nil {
		err = t.publish(ctx, msg)
	}
	if err != nil {
		err = fmt.Errorf("publish %s: %w", m.Event.Type, err)
	}
	done(err)
}

// SendRaw publishes what a program without this library sends, be it an event
// or not.
func (t *Transport) SendRaw(ctx context.Context, raw event.Binary) error {
	e, malformed := event.Unmarshal(raw)
	msg := &message{
		event: e.Clone(), headers: event.PlainHeaders(raw.Headers),
		exchange: exchangeEvents, routingKey: raw.RoutingKey, malformed: malformed,
	}
	if n := len(raw.Body); n > t.broker.cfg.MaxMessageBytes {
		return fmt.Errorf("%w: %d bytes, the broker takes %d", bus.ErrTooLarge, n, t.broker.cfg.MaxMessageBytes)
	}
	return t.publish(ctx, msg)
}

// SendToLog puts m into the log only, see [bus.Transport].
func (t *Transport) SendToLog(ctx context.Context, m *bus.Message) error {
	msg, err := newMessage(m, "", streamLog, t.broker.cfg.MaxMessageBytes)
	if err != nil {
		return fmt.Errorf("write %s into the log: %w", m.Event.Type, err)
	}
	b := t.broker
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, err := t.room(ctx, nil); err != nil {
		return fmt.Errorf("write %s into the log: %w", m.Event.Type, err)
	}
	b.log.add(record{message: msg, kind: bus.RecordDirect})
	return nil
}

// publish puts m into the log and into the queues that ask for it.
func (t *Transport) publish(ctx context.Context, m *message) error {
	b := t.broker
	b.mu.Lock()
	defer b.mu.Unlock()
	queues, err := t.room(ctx, &m.routingKey)
	if err != nil {
		return err
	}
	b.log.add(record{message: m, kind: bus.RecordEvent})
	if len(queues) == 0 {
		b.unrouted.putLatest(m, b.log.next()-1)
	}
	for _, q := range queues {
		q.push(m, 1)
		b.dispatch(q)
	}
	return nil
}

// room returns the queues that ask for a routing key, or none for nil, once all
// of them have room and the broker takes messages. Broker.mu is held before and
// after, and not while it waits.
func (t *Transport) room(ctx context.Context, key *string) ([]*queue, error) {
	if t.closing {
		return nil, bus.ErrClosed
	}
	if ctx.Err() != nil {
		return nil, fmt.Errorf("not sent: %w", context.Cause(ctx))
	}
	queues, err := t.roomNow(key)
	if err == nil {
		return queues, nil
	}
	return t.roomLater(ctx, key)
}

func (t *Transport) roomNow(key *string) ([]*queue, error) {
	b := t.broker
	if err := b.refused(t); err != nil {
		return nil, err
	}
	if key == nil {
		return nil, nil
	}
	queues := b.exchange.route(*key)
	for _, q := range queues {
		if q.full() {
			return nil, b.fullQueue(q.name)
		}
	}
	return queues, nil
}

func (t *Transport) roomLater(ctx context.Context, key *string) (queues []*queue, err error) {
	b := t.broker
	ctx, cancel := context.WithTimeout(ctx, b.cfg.PublishTimeout)
	defer cancel()
	t.pending++
	err = b.await(ctx, func() (err error) {
		queues, err = t.roomNow(key)
		return err
	})
	t.pending--
	if t.closing {
		b.gate.changed() // Close waits for this
	}
	return queues, err
}
