package membus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/laban-io/laban/internal/keyed"
	"github.com/laban-io/laban/pkg/bus"
)

// consumer is one running [Transport.Consume]. Its pool outlives its sessions,
// so that a message which comes again after a lost session waits for the
// handler that still has it in hand.
type consumer struct {
	transport   *Transport
	sub         bus.Subscription
	pool        *keyed.Pool[*delivery]
	prefetch    int
	outstanding int // deliveries in the pool; guarded by Broker.mu
}

// Consume hands the messages of a queue to s.Receive, see [bus.Transport].
func (t *Transport) Consume(ctx context.Context, s bus.Subscription) error {
	if s.Queue == "" || s.Receive == nil {
		return errors.New("consume: a subscription needs a queue and a Receive function")
	}
	c := &consumer{transport: t, sub: s, prefetch: 2 * max(s.Concurrency, 1)}
	c.pool = keyed.NewPool(s.Concurrency, func(d *delivery) { c.run(ctx, d) })
	defer c.pool.Close()
	for {
		session, err := t.broker.join(ctx, c)
		switch {
		case err != nil && ctx.Err() != nil:
			return nil
		case err != nil:
			return fmt.Errorf("consume %s: %w", s.Queue, err)
		}
		if s.OnSession != nil {
			s.OnSession()
		}
		select {
		case <-session.lost:
		case <-ctx.Done():
			t.broker.stop(session)
			return nil
		}
	}
}

// join begins a session as soon as the broker can be reached.
func (b *Broker) join(ctx context.Context, c *consumer) (*session, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	err := b.await(ctx, func() error {
		if err := b.refused(c.transport); !errors.Is(err, bus.ErrBlocked) {
			return err
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	s := newSession(ctx, c, b.declare(c.sub))
	b.sessions[s] = struct{}{}
	s.queue.consumers = append(s.queue.consumers, s)
	b.dispatch(s.queue)
	return s, nil
}

// stop ends a session in order: it takes no more, and what is in hand may go on
// for the drain timeout. It returns when nothing is in hand any more.
func (b *Broker) stop(s *session) {
	b.mu.Lock()
	s.queue.leave(s)
	b.mu.Unlock()
	hard := time.AfterFunc(s.consumer.sub.DrainTimeout, func() { s.cancel(bus.ErrStopped) })
	s.consumer.pool.Close()
	hard.Stop()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lose(s)
}

// run handles one delivery, unless the time for it has passed: ctx is that of
// Consume, and when it has ended nothing new is begun.
func (c *consumer) run(ctx context.Context, d *delivery) {
	b := c.transport.broker
	defer c.done(ctx, d) // also where the handler ends its goroutine
	if ctx.Err() == nil && d.session.ctx.Err() == nil {
		d.open(b.info)
		c.sub.Receive(d.session.ctx, &d.out)
	}
}

// done takes note that a delivery is no longer in hand.
func (c *consumer) done(ctx context.Context, d *delivery) {
	b := c.transport.broker
	b.mu.Lock()
	defer b.mu.Unlock()
	c.outstanding--
	if ctx.Err() != nil {
		d.session.queue.leave(d.session) // or what is put back would come again at once
	}
	if d.take() { // nobody settled it: it was not begun, or could not be settled
		d.session.queue.putBack(d.entry)
	}
	if q := b.queues[c.sub.Queue]; q != nil { // which may be a new one by now
		b.dispatch(q)
	}
}
