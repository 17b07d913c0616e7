package amqpbus

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/laban-io/laban/internal/keyed"
	"github.com/laban-io/laban/pkg/bus"
)

// Consume hands the subscription's deliveries to s.Receive; see
// [bus.Transport].
func (t *Transport) Consume(ctx context.Context, s bus.Subscription) error {
	ctx, cancel := t.bound(ctx)
	defer cancel()
	// Handlers of a session that was lost may still be running when the next
	// one has begun, if they do not heed their contexts. They are waited for.
	var handlers sync.WaitGroup
	defer handlers.Wait()
	err := t.supervise(ctx, s.Queue+" consumer", t.setUp(func(ctx context.Context, conn *connection, up func()) error {
		if err := t.declareShared(conn); err != nil {
			return err
		}
		if err := t.declareService(conn, s); err != nil {
			return err
		}
		c := &consumer{t: t, sub: s}
		return c.session(ctx, conn, &handlers, func() {
			up()
			if s.OnSession != nil {
				s.OnSession()
			}
		})
	}))
	return ended(ctx, err)
}

// consumer is one session of a subscription. Everything it settles, it settles
// on the channel that the delivery came by.
type consumer struct {
	t        *Transport
	sub      bus.Subscription
	stopping func() bool // whether nothing new is to be begun
	ch       *amqp.Channel
	over     atomic.Bool // the channel is gone
}

func (c *consumer) session(ctx context.Context, conn *connection, handlers *sync.WaitGroup, up func()) error {
	ch, deliveries, tag, err := c.open(conn)
	if err != nil {
		return err
	}
	c.stopping, c.ch = func() bool { return ctx.Err() != nil }, ch
	connLost := conn.NotifyClose(make(chan *amqp.Error, 1))
	chanLost := ch.NotifyClose(make(chan *amqp.Error, 1))
	canceled := ch.NotifyCancel(make(chan string, 1))

	handleCtx, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stop(nil)
	pool := keyed.NewPool(c.sub.Concurrency, func(d *bus.Delivery) { c.handle(handleCtx, d) })
	up()

	var why error
	for why == nil {
		select {
		case d, ok := <-deliveries:
			if !ok {
				why = lost(nil)
				break
			}
			c.submit(pool, &d)
			continue
		case <-canceled:
			why = fmt.Errorf("%w: the broker canceled the consumer; queue %s was deleted or moved", bus.ErrSessionLost, c.sub.Queue)
		case reason := <-chanLost:
			why = lost(reason)
		case reason := <-connLost:
			why = lost(reason)
		case <-ctx.Done():
			if errors.Is(context.Cause(ctx), bus.ErrClosed) {
				why = bus.ErrClosed // by the transport: nothing can be settled any more
				break
			}
			c.drain(tag, pool, stop)
			return nil
		}
	}
	if why.Error() == lost(nil).Error() {
		why = firstReason(why, chanLost, connLost)
	}
	c.abandon(pool, stop, handlers)
	return why
}

// open begins to consume on a channel of its own.
func (c *consumer) open(conn *connection) (*amqp.Channel, <-chan amqp.Delivery, string, error) {
	ch, err := conn.Channel()
	if err != nil {
		return nil, nil, "", fmt.Errorf("open a channel: %w", err)
	}
	prefetch := c.t.cfg.Prefetch
	if prefetch == 0 {
		prefetch = 2 * c.sub.Concurrency
	}
	// The library buffers deliveries without bound; this is the bound.
	if err := ch.Qos(min(prefetch, 65535), 0, false); err != nil {
		return nil, nil, "", fmt.Errorf("set the prefetch: %w", err)
	}
	const tag = "laban"
	deliveries, err := ch.Consume(c.sub.Queue, tag, false, false, false, false, nil)
	if err != nil {
		return nil, nil, "", fmt.Errorf("consume from %s: %w", c.sub.Queue, explain(err, "queue", c.sub.Queue))
	}
	return ch, deliveries, tag, nil
}

func (c *consumer) submit(pool *keyed.Pool[*bus.Delivery], d *amqp.Delivery) {
	m, malformed := decode(d)
	m.Info = c.t.Info()
	// The handler may change the data it is given, and a retry must not see it.
	m.Event.Data = bytes.Clone(m.Event.Data)
	pool.Submit(m.Event.OrderKey(), &bus.Delivery{
		Message:     m,
		Queue:       c.sub.Queue,
		Attempt:     max(int(number(d.Headers, bus.HeaderAttempt)), 1),
		Redelivered: d.Redelivered,
		Tag:         d.DeliveryTag,
		Malformed:   malformed,
		Settler:     &settler{c: c, d: d},
	})
}

// handle runs the subscriber's function, unless nothing new is to be begun: the
// broker takes back what is not settled when the channel closes.
func (c *consumer) handle(ctx context.Context, d *bus.Delivery) {
	if c.stopping() || c.over.Load() {
		return
	}
	d.Received = time.Now()
	c.sub.Receive(ctx, d)
}

// drain takes no more deliveries, lets running handlers finish, and cuts them
// off when that takes too long.
func (c *consumer) drain(tag string, pool *keyed.Pool[*bus.Delivery], stop context.CancelCauseFunc) {
	_ = c.ch.Cancel(tag, true) // the channel is about to be closed anyway
	timer := time.AfterFunc(c.sub.DrainTimeout, func() { stop(bus.ErrStopped) })
	pool.Close()
	timer.Stop()
	_ = c.ch.Close() // takes acknowledgements along, then requeues the rest
}

// abandonWait is how long the next session waits for handlers of a lost one,
// so that a message is not handled by both at a time.
const abandonWait = 5 * time.Second

// abandon cancels the handlers of a lost session and waits for them a while.
func (c *consumer) abandon(pool *keyed.Pool[*bus.Delivery], stop context.CancelCauseFunc, handlers *sync.WaitGroup) {
	c.over.Store(true)
	stop(bus.ErrSessionLost)
	gone := make(chan struct{})
	handlers.Go(func() {
		pool.Close()
		close(gone)
	})
	timer := time.NewTimer(abandonWait)
	defer timer.Stop()
	select {
	case <-gone:
	case <-timer.C:
		c.t.cfg.Logger.Warn("handlers of a lost session do not heed their context; their messages are handled again beside them", "queue", c.sub.Queue)
	}
}

// firstReason returns the broker's reason where one has been notified.
func firstReason(why error, reasons ...chan *amqp.Error) error {
	for _, c := range reasons {
		select {
		case reason := <-c:
			if reason != nil {
				return lost(reason)
			}
		default:
		}
	}
	return why
}
