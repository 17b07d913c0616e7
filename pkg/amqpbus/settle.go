package amqpbus

import (
	"context"
	"errors"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/laban-io/laban/pkg/bus"
)

// settler settles one delivery on the channel that it came by.
type settler struct {
	c *consumer
	d *amqp.Delivery
}

// Settle carries out a verdict; see [bus.Settler].
func (s *settler) Settle(ctx context.Context, d *bus.Delivery, v bus.Verdict) error {
	if s.c.over.Load() {
		return bus.ErrSessionLost
	}
	n := s.c.t.names
	switch v.Action {
	case bus.RetryLater:
		return s.moveTo(ctx, n.retry, RetryQueue(s.c.sub.Queue, s.c.sub.RetryLevels[v.Level]), d.Attempt+1, v)
	case bus.Park:
		return s.moveTo(ctx, n.dead, ParkedQueue(s.c.sub.Queue), d.Attempt, v)
	case bus.Requeue:
		return s.settled(s.d.Reject(true))
	default: // Ack, Discard
		return s.settled(s.d.Ack(false))
	}
}

// moveTo publishes a copy and acknowledges the original once the copy is
// confirmed. Where it can't be published, the original goes back to the queue as
// a failed delivery, which the broker counts and, in the end, parks itself.
func (s *settler) moveTo(ctx context.Context, exchange, key string, attempt int, v bus.Verdict) error {
	c := copyOf(s.d)
	c.Headers[bus.HeaderAttempt] = int64(attempt)
	c.Headers[bus.HeaderService] = s.c.sub.Queue
	c.Headers[bus.HeaderError] = v.ErrorText()
	if err := s.c.t.publisher.sendWait(ctx, exchange, key, c); err != nil {
		err = fmt.Errorf("publish a copy to %s: %w", key, err)
		// Rejected, not nacked: from RabbitMQ 4.3 only a reject counts as a
		// failed delivery.
		return errors.Join(err, s.settled(s.d.Reject(true)))
	}
	return s.settled(s.d.Ack(false))
}

// settled turns the error of a closed channel into ErrSessionLost.
func (s *settler) settled(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", bus.ErrSessionLost, err)
}
