package parked

import (
	"context"
	"errors"
	"fmt"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/laban-io/laban/pkg/amqpbus"
)

// AMQP is a RabbitMQ at which messages wait.
type AMQP struct {
	cfg      amqpbus.Config
	log      string
	names    amqpbus.Exchanges
	sessions *amqpbus.Sessions
}

var _ Store = (*AMQP)(nil)

// NewAMQP checks cfg, and connects to nothing yet. log is the stream into which
// services and observer write; empty stands for that of cfg's prefix.
func NewAMQP(cfg amqpbus.Config, log string) (*AMQP, error) {
	if cfg.Prefix == "" {
		cfg.Prefix = "events"
	}
	if cfg.Name == "" {
		cfg.Name = "laban parked"
	}
	sessions, err := amqpbus.NewSessions(cfg, nil)
	if err != nil {
		return nil, err
	}
	a := &AMQP{cfg: cfg, log: log, names: amqpbus.ExchangesOf(cfg.Prefix), sessions: sessions}
	if a.log == "" {
		a.log = a.names.Log
	}
	return a, nil
}

// Bounds of looking.
const (
	// readPrefetch is a stream's credit, of which half is acknowledged at a time.
	readPrefetch = 2000
	// endQuiet is how long nothing comes of the end of a stream before that is
	// taken for the end, and endMost how long that may take.
	endQuiet = 150 * time.Millisecond
	endMost  = 750 * time.Millisecond
	// endFirst is how long the first record of the end may take.
	endFirst = 2 * time.Second
	// silence is how long a stream that has more may send nothing.
	silence = 30 * time.Second
	// tellEvery is how often it is told how far reading is.
	tellEvery = 200 * time.Millisecond
)

// end returns the offset after the last record of a stream, 0 where it is empty.
// Reading its last chunk is the only way to learn that.
func (a *AMQP) end(ctx context.Context, conn *amqp.Connection, stream string) (uint64, error) {
	end := uint64(0)
	err := a.consume(conn, stream, "last", func(deliveries <-chan amqp.Delivery) error {
		most := time.NewTimer(endFirst + endMost)
		defer most.Stop()
		quiet := time.NewTimer(endFirst)
		defer quiet.Stop()
		for range readPrefetch - 1 {
			select {
			case <-ctx.Done():
				return context.Cause(ctx)
			case d, ok := <-deliveries:
				if !ok {
					return errors.New("the connection was lost")
				}
				if end == 0 {
					most.Reset(endMost) // a log that is written to is never quiet
				}
				end = amqpbus.Offset(&d) + 1
				quiet.Reset(endQuiet)
			case <-quiet.C:
				return nil
			case <-most.C:
				return nil
			}
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("find the end of %s: %w", stream, err)
	}
	return end, nil
}

// consume reads a stream on a channel of its own, until fn returns.
func (a *AMQP) consume(conn *amqp.Connection, stream string, from any, fn func(<-chan amqp.Delivery) error) error {
	ch, err := conn.Channel()
	if err != nil {
		return fmt.Errorf("open a channel: %w", err)
	}
	defer func() { _ = ch.Close() }() // it was only read
	if err := ch.Qos(readPrefetch, 0, false); err != nil {
		return fmt.Errorf("set the prefetch: %w", err)
	}
	deliveries, err := ch.Consume(stream, "", false, false, false, false, amqp.Table{"x-stream-offset": from})
	if err != nil {
		return fmt.Errorf("read %s: %w", stream, amqpbus.Explain(err, "queue", stream))
	}
	return fn(deliveries)
}

// read calls fn with the records of a stream from a place on, up to the one
// before end. told, which may be nil, is told how far it is.
func (a *AMQP) read(ctx context.Context, conn *amqp.Connection, stream string, from any, end uint64, told func(Progress), fn func(*amqp.Delivery) error) error {
	if offset, ok := from.(int64); end == 0 || ok && uint64(offset) >= end { //nolint:gosec // an offset is not negative
		return nil
	}
	return a.consume(conn, stream, from, func(deliveries <-chan amqp.Delivery) error {
		quiet := time.NewTimer(silence)
		defer quiet.Stop()
		var next time.Time
		for unacked := 0; ; {
			select {
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-quiet.C:
				return fmt.Errorf("read %s: nothing came for %v, though it goes on to offset %d", stream, silence, end-1)
			case d, ok := <-deliveries:
				if !ok {
					return fmt.Errorf("read %s: the connection was lost", stream)
				}
				quiet.Reset(silence)
				offset := amqpbus.Offset(&d)
				// Brokers begin with a whole chunk, that is, before what was asked for.
				if wanted, ok := from.(int64); offset < end && (!ok || offset >= uint64(wanted)) { //nolint:gosec // likewise
					if err := fn(&d); err != nil {
						return err
					}
				}
				if offset+1 >= end {
					return nil
				}
				if now := time.Now(); told != nil && now.After(next) {
					next = now.Add(tellEvery)
					told(Progress{Doing: "reading " + stream, Done: offset + 1, Total: end})
				}
				if unacked++; unacked == readPrefetch/2 {
					unacked = 0
					if err := d.Ack(true); err != nil {
						return fmt.Errorf("read %s: %w", stream, err)
					}
				}
			}
		}
	})
}

// look returns how many messages wait in a queue, and whether there is one.
func look(conn *amqp.Connection, queue string) (int, bool, error) {
	ch, err := conn.Channel() // one each: a queue that is not there closes it
	if err != nil {
		return 0, false, fmt.Errorf("open a channel: %w", err)
	}
	q, err := ch.QueueDeclarePassive(queue, true, false, false, false, nil)
	var refused *amqp.Error
	switch {
	case errors.As(err, &refused) && refused.Code == amqp.NotFound:
		return 0, false, nil
	case err != nil:
		return 0, false, fmt.Errorf("look at queue %s: %w", queue, amqpbus.Explain(err, "queue", queue))
	}
	return q.Messages, true, ch.Close()
}

// errEnough ends reading.
var errEnough = errors.New("enough was read")

// Read returns the message at a place; see [Store].
func (a *AMQP) Read(ctx context.Context, kind Kind, at Place) (*Message, error) {
	var found *Message
	err := a.sessions.Once(ctx, "reader", func(ctx context.Context, conn *amqp.Connection) error {
		end, err := a.end(ctx, conn, at.Stream)
		if err != nil {
			return err
		}
		err = a.read(ctx, conn, at.Stream, int64(at.Offset), end, nil, func(d *amqp.Delivery) error { //nolint:gosec // an offset of a stream
			if amqpbus.Offset(d) == at.Offset {
				m := a.message(kind, d)
				m.Place = at
				found = &m
			}
			return errEnough
		})
		if errors.Is(err, errEnough) {
			err = nil
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if found == nil {
		return nil, fmt.Errorf("%w: %s has nothing at offset %d any more", ErrGone, at.Stream, at.Offset)
	}
	return found, nil
}

// message reads a delivery, of a queue or a stream.
func (a *AMQP) message(kind Kind, d *amqp.Delivery) Message {
	r, _ := amqpbus.ReadRecord(a.cfg.Prefix, d)
	m := messageOf(kind, &r.Message, r.Malformed)
	switch kind {
	case Unrouted:
		m.Service = ""
	default:
		if m.Service == "" {
			m.Service = r.Service
		}
		if m.Service == "" {
			m.Service = amqpbus.ServiceOf(d.RoutingKey)
		}
	}
	if m.Error == "" {
		m.Error = r.Error
	}
	m.Attempt = r.Attempt
	delete(m.Headers, "x-stream-offset") // the broker's own
	delete(m.Headers, "x-delivery-count")
	return m
}
