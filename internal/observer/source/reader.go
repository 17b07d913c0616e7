package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/laban-io/laban/pkg/amqpbus"
	"github.com/laban-io/laban/pkg/bus"
)

const (
	// chunkSize is how many items are handed over at a time, at most, and
	// chunkBytes how many bytes of bodies, before the last one.
	chunkSize  = 256
	chunkBytes = 4 << 20
	// quietAfter is how long the last item may take to come again at the begin
	// of a session before it is looked where the log is written. An offset beyond
	// the end is no error to the broker: it sends nothing.
	quietAfter = 2 * time.Second
	// smallHole is how many offsets may be missing between records that are
	// there. A broker keeps book in some (RabbitMQ 3.10 in one where a segment
	// begins); retention drops whole segments.
	smallHole = 64
)

// errStopped wraps what fn returned.
type errStopped struct{ err error }

func (e *errStopped) Error() string { return e.err.Error() }

// Read reads the log; see [Log].
func (a *AMQP) Read(ctx context.Context, from Place, fn func([]Item) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	from.Trail = slices.Clone(from.Trail)
	r := &reader{log: a, at: from, fn: fn, decoder: newDecoder(a.cfg.Prefix, from.Mapping)}
	var stopped error
	err := a.sessions.Run(ctx, "log reader", func(ctx context.Context, conn *amqp.Connection, up func()) error {
		err := r.session(ctx, conn, up)
		var s *errStopped
		if errors.As(err, &s) {
			stopped = s.err
			cancel()
		}
		return err
	})
	if stopped != nil {
		return stopped
	}
	return err
}

// reader is a log being read, over its sessions.
type reader struct {
	log     *AMQP
	at      Place
	fn      func([]Item) error
	decoder *decoder
	credit  credit
	chunk   []Item
	bytes   int // of bodies in it
	// compare tells that the item before at.Next has yet to be seen again.
	compare bool
}

func (r *reader) session(ctx context.Context, conn *amqp.Connection, up func()) error {
	if err := r.log.declare(conn); err != nil {
		return err
	}
	for {
		again, err := r.consume(ctx, conn, up)
		if !again {
			return err
		}
	}
}

// begin is the offset to ask for.
func (r *reader) begin() any {
	switch {
	case !r.at.Known && r.at.FromEnd:
		return "next"
	case !r.at.Known && !r.at.Since.IsZero():
		return r.at.Since
	case !r.at.Known:
		return "first"
	case r.compare:
		return int64(min(r.at.Next-1, math.MaxInt64))
	default:
		return int64(min(r.at.Next, math.MaxInt64))
	}
}

// consume reads on one channel. again tells that the log is another one, so
// that reading begins anew on the same connection.
func (r *reader) consume(ctx context.Context, conn *amqp.Connection, up func()) (again bool, err error) {
	ch, err := conn.Channel()
	if err != nil {
		return false, fmt.Errorf("open a channel: %w", err)
	}
	defer func() { _ = ch.Close() }() // it is done with either way
	if err := ch.Qos(r.credit.begin(), 0, false); err != nil {
		return false, fmt.Errorf("set the prefetch: %w", err)
	}
	r.compare = r.at.Known && r.at.Next > 0 && len(r.at.Fingerprint) > 0
	deliveries, err := ch.Consume(r.log.cfg.Log, "", false, false, false, false, amqp.Table{"x-stream-offset": r.begin()})
	if err != nil {
		return false, lacks(fmt.Errorf("read %s: %w", r.log.cfg.Log, amqpbus.Explain(err, "queue", r.log.cfg.Log)),
			"read the log", "read", r.log.cfg.Log)
	}
	lost := ch.NotifyClose(make(chan *amqp.Error, 1))
	canceled := ch.NotifyCancel(make(chan string, 1))
	up()
	quiet := time.NewTimer(quietAfter)
	defer quiet.Stop()
	if !r.compare {
		quiet.Stop()
	}
	for {
		var d amqp.Delivery
		var ok bool
		select {
		case <-ctx.Done():
			return false, nil
		case <-canceled:
			return false, fmt.Errorf("%w: the broker canceled the reader; %s was deleted or moved", bus.ErrSessionLost, r.log.cfg.Log)
		case <-quiet.C:
			if again, err := r.lookAtEnd(ctx, conn); again || err != nil {
				return again, err
			}
			quiet.Reset(quietAfter)
			continue
		case d, ok = <-deliveries:
		}
		for {
			if !ok {
				if err := r.flush(); err != nil {
					return false, err
				}
				return false, fmt.Errorf("%w: %w", bus.ErrSessionLost, reason(lost))
			}
			if again, err := r.take(ctx, conn, &d); again || err != nil {
				return again, err
			}
			if !r.compare {
				quiet.Stop()
			}
			if r.credit.take(len(d.Body)) && !r.compare {
				return true, r.flush()
			}
			if tag := r.credit.ack(d.DeliveryTag); tag > 0 {
				if err := ch.Ack(tag, true); err != nil {
					return false, fmt.Errorf("%w: %w", bus.ErrSessionLost, err)
				}
			}
			more := false
			if len(r.chunk) < chunkSize && r.bytes < chunkBytes {
				select {
				case d, ok = <-deliveries:
					more = true
				default:
				}
			}
			if !more {
				break
			}
		}
		if err := r.flush(); err != nil {
			return false, err
		}
	}
}

func reason(lost <-chan *amqp.Error) error {
	select {
	case err := <-lost:
		if err != nil {
			return err
		}
	default:
	}
	return errors.New("closed by the broker")
}

// take takes one delivery.
func (r *reader) take(ctx context.Context, conn *amqp.Connection, d *amqp.Delivery) (again bool, err error) {
	offset := amqpbus.Offset(d)
	allowed := uint64(smallHole)
	if r.compare {
		if offset+1 < r.at.Next {
			return false, nil // brokers begin with a whole chunk
		}
		r.compare = false
		if offset+1 == r.at.Next {
			var item Item
			r.decoder.delivery(d, &item)
			if bytes.Equal(item.Fingerprint(), r.at.Fingerprint) {
				return false, nil
			}
			return true, r.changed(ctx, conn, offset, fmt.Sprintf("the record at offset %d is not the one that was read there", offset))
		}
		allowed = 0 // even the last record that was read is gone
	}
	if r.at.Known {
		if offset < r.at.Next {
			return false, nil
		}
		if offset-r.at.Next > allowed {
			r.gap(offset, "dropped", fmt.Sprintf("the records %d to %d are gone: retention dropped them before they were read", r.at.Next, offset-1))
		}
	}
	r.chunk = append(r.chunk, Item{})
	item := &r.chunk[len(r.chunk)-1]
	r.decoder.delivery(d, item)
	if !r.log.cfg.Payloads.Keep {
		item.lighten()
	}
	r.bytes += len(item.Data)
	r.at.Next, r.at.Known = offset+1, true
	return false, nil
}

func (r *reader) gap(offset uint64, reason, detail string) {
	r.chunk = append(r.chunk, Item{Kind: Gap, Offset: offset, Reason: reason, Detail: detail})
}

// flush hands over what was read.
func (r *reader) flush() error {
	if len(r.chunk) == 0 {
		return nil
	}
	chunk := r.chunk
	r.bytes, r.chunk = 0, make([]Item, 0, min(2*len(chunk), chunkSize)) // items are large, and most chunks are not full
	last := &chunk[len(chunk)-1]
	if last.Kind != Gap {
		last.print = last.Fingerprint()
		r.at.Fingerprint, r.at.Trail = last.print, r.at.Trail.Add(last.Offset, last.print)
	}
	if err := r.fn(chunk); err != nil {
		return &errStopped{err}
	}
	return nil
}
