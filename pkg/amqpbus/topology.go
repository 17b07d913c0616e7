package amqpbus

import (
	"errors"
	"fmt"
	"math"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/laban-io/laban/pkg/bus"
)

// neverByCount is a delivery limit for queues that people browse: RabbitMQ 4
// would drop a message that was looked at 20 times, and RabbitMQ 3 has no word
// for "no limit".
const neverByCount = math.MaxInt32

// declarer declares topology on channels of its own: a refused declaration
// closes the channel it was made on.
type declarer struct {
	t    *Transport
	conn *connection
	ch   *amqp.Channel
	err  error // the first error; later calls do nothing
}

func (d *declarer) channel() (*amqp.Channel, error) {
	if d.ch != nil && !d.ch.IsClosed() {
		return d.ch, nil
	}
	ch, err := d.conn.Channel()
	if err != nil {
		return nil, fmt.Errorf("open a channel: %w", err)
	}
	d.ch = ch
	return ch, nil
}

// do runs one declaration unless one before it failed.
func (d *declarer) do(kind, name string, declare func(*amqp.Channel) error) {
	if d.err != nil {
		return
	}
	ch, err := d.channel()
	if err == nil {
		err = declare(ch)
	}
	if err != nil {
		d.err = fmt.Errorf("declare %s %s: %w", kind, name, explain(err, kind, name))
	}
}

func (d *declarer) exchange(name, kind, alternate string) {
	var args amqp.Table
	if alternate != "" {
		args = amqp.Table{"alternate-exchange": alternate}
	}
	d.do("exchange", name, func(ch *amqp.Channel) error {
		return ch.ExchangeDeclare(name, kind, true, false, false, false, args)
	})
}

func (d *declarer) queue(name string, args amqp.Table) {
	d.do("queue", name, func(ch *amqp.Channel) error {
		_, err := ch.QueueDeclare(name, true, false, false, false, args)
		return err
	})
}

// stream declares a stream. One that exists with another retention is taken as
// it is: services with different settings must be able to share a log.
func (d *declarer) stream(name string) {
	d.queue(name, amqp.Table{
		"x-queue-type":       "stream",
		"x-max-age":          streamAge(d.t.cfg.LogMaxAge),
		"x-max-length-bytes": d.t.cfg.LogMaxBytes,
	})
	var conflict *ConflictError
	if errors.As(d.err, &conflict) && (conflict.Argument == "x-max-age" || conflict.Argument == "x-max-length-bytes") {
		d.t.warnRetention.Do(func() {
			d.t.cfg.Logger.Warn("the log exists with another retention, which stays; change it by a policy",
				"stream", name, "argument", conflict.Argument, "existing", conflict.Existing, "wanted", conflict.Wanted)
		})
		d.err = nil
	}
}

// streamAge writes a duration as streams want it, in whole seconds.
func streamAge(age time.Duration) string {
	return fmt.Sprintf("%ds", max(int64(age/time.Second), 1))
}

func (d *declarer) bindExchange(to, key, from string) {
	d.do("exchange", to, func(ch *amqp.Channel) error { return ch.ExchangeBind(to, key, from, false, nil) })
}

func (d *declarer) bindQueue(queue, key, exchange string) {
	d.do("queue", queue, func(ch *amqp.Channel) error { return ch.QueueBind(queue, key, exchange, false, nil) })
}

// declareShared declares what every publisher and consumer relies on. The
// places where a message can end are declared before the exchanges that lead
// there, so that nothing published meanwhile is lost.
func (t *Transport) declareShared(conn *connection) error {
	n, d := t.names, declarer{t: t, conn: conn}
	d.stream(n.log)
	d.stream(n.unrouted)
	d.queue(n.lost, amqp.Table{"x-queue-type": "quorum", "x-delivery-limit": neverByCount})
	d.exchange(n.unrouted, "fanout", "")
	d.bindQueue(n.unrouted, "", n.unrouted)
	d.exchange(n.lost, "fanout", "")
	d.bindQueue(n.lost, "", n.lost)

	d.exchange(n.route, "topic", n.unrouted)
	d.exchange(n.retryRoute, "topic", n.lost)
	d.exchange(n.deadRoute, "topic", n.lost)
	for _, pair := range [][2]string{{n.events, n.route}, {n.retry, n.retryRoute}, {n.dead, n.deadRoute}} {
		d.exchange(pair[0], "topic", "")
		d.bindExchange(pair[1], "#", pair[0])
		d.bindQueue(n.log, "#", pair[0])
	}
	return d.close()
}

// declareService declares a subscription's queues and bindings.
func (t *Transport) declareService(conn *connection, s bus.Subscription) error {
	n, d := t.names, declarer{t: t, conn: conn}
	parked := ParkedQueue(s.Queue)
	d.queue(parked, amqp.Table{"x-queue-type": "quorum", "x-delivery-limit": neverByCount})
	d.bindQueue(parked, parked, n.deadRoute)
	for _, level := range s.RetryLevels {
		retry := RetryQueue(s.Queue, level)
		d.queue(retry, amqp.Table{
			"x-queue-type":              "quorum",
			"x-message-ttl":             level.Milliseconds(),
			"x-dead-letter-exchange":    "",
			"x-dead-letter-routing-key": s.Queue,
			"x-dead-letter-strategy":    "at-least-once",
			"x-overflow":                "reject-publish",
		})
		d.bindQueue(retry, retry, n.retryRoute)
	}
	d.queue(s.Queue, amqp.Table{
		"x-queue-type":              "quorum",
		"x-delivery-limit":          t.cfg.DeliveryLimit,
		"x-dead-letter-exchange":    n.dead,
		"x-dead-letter-routing-key": parked,
		"x-dead-letter-strategy":    "at-least-once",
		"x-overflow":                "reject-publish",
	})
	for _, key := range s.Keys {
		d.bindQueue(s.Queue, key, n.route)
	}
	return d.close()
}

func (d *declarer) close() error {
	if d.ch != nil && d.err == nil {
		return d.ch.Close()
	}
	return d.err
}
