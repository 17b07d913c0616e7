package source

import (
	"context"
	"fmt"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/laban-io/laban/pkg/amqpbus"
	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
)

// writer writes by the default exchange, with confirms.
type writer struct {
	ch     *amqp.Channel
	closed chan *amqp.Error
}

func newWriter(conn *amqp.Connection) (*writer, error) {
	ch, err := conn.Channel()
	if err == nil {
		err = ch.Confirm(false)
	}
	if err != nil {
		return nil, fmt.Errorf("open a channel to write: %w", err)
	}
	return &writer{ch: ch, closed: ch.NotifyClose(make(chan *amqp.Error, 1))}, nil
}

// append puts a record into a stream by the default exchange, so that no
// service receives it.
func (w *writer) append(ctx context.Context, stream string, e event.Event) error {
	p, err := amqpbus.EncodeEvent(&bus.Message{Event: e, RoutingKey: e.Type})
	if err != nil {
		return err
	}
	return w.publish(ctx, stream, p)
}

func (w *writer) publish(ctx context.Context, queue string, p amqp.Publishing) error {
	confirm, err := w.ch.PublishWithDeferredConfirmWithContext(ctx, "", queue, false, false, p)
	if err != nil {
		return w.why(fmt.Errorf("write to %s: %w", queue, err), queue)
	}
	taken, err := confirm.WaitContext(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("write to %s: no confirm: %w", queue, err)
	case !taken:
		return w.why(fmt.Errorf("write to %s: %w", queue, bus.ErrRejected), queue)
	}
	return nil
}

// closeTimeout bounds how long a channel's reason to close may be behind the
// messages that it takes with it.
const closeTimeout = time.Second

// why is why the broker closed the channel, where it did, and otherwise err.
func (w *writer) why(err error, queue string) error {
	if !w.ch.IsClosed() {
		return err
	}
	select {
	case reason := <-w.closed:
		if reason != nil {
			return lacks(fmt.Errorf("%w: %w", bus.ErrSessionLost, reason), "write to "+queue, "write", "amq.default, which is the default exchange")
		}
	case <-time.After(closeTimeout):
	}
	return err
}
