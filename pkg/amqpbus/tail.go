package amqpbus

import (
	"context"
	"fmt"
	"math"
	"strings"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/laban-io/laban/pkg/bus"
)

// tailPrefetch is how many records a tail holds; a stream's credit. The reader
// acknowledges after every half of it.
const tailPrefetch = 2000

// Tail reads the log; see [bus.Transport].
func (t *Transport) Tail(ctx context.Context, from bus.Position, fn func(bus.LogRecord) error) error {
	ctx, cancel := t.bound(ctx)
	defer cancel()
	var stopped error // fn's error
	err := t.supervise(ctx, "log reader", t.setUp(func(ctx context.Context, conn *connection, up func()) error {
		if err := t.declareShared(conn); err != nil {
			return err
		}
		r := &logReader{t: t, from: &from, fn: fn}
		err := r.session(ctx, conn, up)
		if r.stopped != nil {
			stopped = r.stopped
			cancel()
		}
		return err
	}))
	if stopped != nil {
		return stopped
	}
	return ended(ctx, err)
}

// logReader is one session of a tail.
type logReader struct {
	t       *Transport
	from    *bus.Position // where the next session goes on
	fn      func(bus.LogRecord) error
	stopped error
}

func (r *logReader) session(ctx context.Context, conn *connection, up func()) error {
	ch, err := conn.Channel()
	if err != nil {
		return fmt.Errorf("open a channel: %w", err)
	}
	if err := ch.Qos(tailPrefetch, 0, false); err != nil {
		return fmt.Errorf("set the prefetch: %w", err)
	}
	stream := r.t.names.log
	deliveries, err := ch.Consume(stream, "", false, false, false, false, amqp.Table{"x-stream-offset": streamOffset(*r.from)})
	if err != nil {
		return fmt.Errorf("read %s: %w", stream, explain(err, "queue", stream))
	}
	connLost := conn.NotifyClose(make(chan *amqp.Error, 1))
	chanLost := ch.NotifyClose(make(chan *amqp.Error, 1))
	canceled := ch.NotifyCancel(make(chan string, 1))
	up()
	for unacked := 0; ; {
		select {
		case <-ctx.Done():
			return nil
		case <-canceled:
			return fmt.Errorf("%w: the broker canceled the reader; %s was deleted or moved", bus.ErrSessionLost, stream)
		case d, ok := <-deliveries:
			if !ok {
				return firstReason(lost(nil), chanLost, connLost)
			}
			if err := r.take(&d); err != nil {
				r.stopped = err
				return err
			}
			if unacked++; unacked == tailPrefetch/2 {
				unacked = 0
				if err := d.Ack(true); err != nil {
					return fmt.Errorf("%w: %w", bus.ErrSessionLost, err)
				}
			}
		}
	}
}

// take hands one record over. Brokers may begin with a whole chunk, that is,
// before the offset that was asked for.
func (r *logReader) take(d *amqp.Delivery) error {
	offset := Offset(d)
	if wanted, ok := r.from.Offset(); ok && offset < wanted {
		return nil
	}
	if err := r.fn(r.t.record(d, offset)); err != nil {
		return err
	}
	*r.from = bus.Offset(offset + 1)
	return nil
}

// streamOffset is a position as x-stream-offset wants it.
func streamOffset(p bus.Position) any {
	if offset, ok := p.Offset(); ok {
		return int64(min(offset, math.MaxInt64))
	}
	if p.IsNext() {
		return "next"
	}
	return "first"
}

// record reads a log record. Its kind is told by the exchange it came through.
func (t *Transport) record(d *amqp.Delivery, offset uint64) bus.LogRecord {
	r := recordOf(t.names.kind(d.Exchange), d, offset)
	r.Info = t.Info()
	return r
}

func recordOf(kind bus.RecordKind, d *amqp.Delivery, offset uint64) bus.LogRecord {
	r := bus.LogRecord{Offset: offset, Kind: kind}
	r.Message, r.Malformed = decode(d)
	if r.Headers[bus.HeaderRedrive] != "" && (r.Kind == bus.RecordDirect || r.Kind == bus.RecordEvent) {
		if r.Kind == bus.RecordDirect {
			r.Service = d.RoutingKey // which names a queue, on the default exchange
		}
		r.Kind = bus.RecordRedriven
	}
	if r.Kind == bus.RecordRetry || r.Kind == bus.RecordDead {
		r.Service, _ = text(d.Headers, bus.HeaderService)
		r.Error, _ = text(d.Headers, bus.HeaderError)
		r.Attempt = int(number(d.Headers, bus.HeaderAttempt))
	}
	if r.Kind == bus.RecordDead && r.Service == "" {
		// Parked by the broker, after too many deliveries that nobody settled.
		r.Service = strings.TrimSuffix(d.RoutingKey, ParkedQueue(""))
		r.Error = "handed out too often without being settled"
		if reason, ok := text(d.Headers, "x-first-death-reason"); ok {
			r.Error += " (" + reason + ")"
		}
	}
	return r
}

func (n names) kind(exchange string) bus.RecordKind {
	switch exchange {
	case n.retry:
		return bus.RecordRetry
	case n.dead:
		return bus.RecordDead
	case "":
		return bus.RecordDirect
	default:
		return bus.RecordEvent
	}
}
