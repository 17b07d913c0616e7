package source

import (
	"bytes"
	"context"
	"fmt"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/laban-io/laban/pkg/amqpbus"
	"github.com/laban-io/laban/pkg/bus"
)

// A log that is not as it was read either lost its end, as where its broker's
// host lost power before the disk had what was written last, or was made anew.
// The trail tells which. Nothing is concluded from silence: a broker under load
// may take its time.

// peekTimeout is how long one record may take to come: longer than an idle
// observer takes from one pulse to the next.
const peekTimeout = 15 * time.Second

// lookAtEnd looks where records are being written: before the place that was
// asked for, or not. The observer's own pulses are written over and over, so one
// comes soon; without any there is nothing to be said yet.
func (r *reader) lookAtEnd(ctx context.Context, conn *amqp.Connection) (again bool, err error) {
	d, err := r.log.peek(ctx, conn, "next", r.at.Doubt)
	if err != nil || d == nil {
		return false, err
	}
	end := amqpbus.Offset(d)
	if end >= r.at.Next {
		return false, nil // it comes; the broker is slow
	}
	return true, r.changed(ctx, conn, end, fmt.Sprintf("the log is written at offset %d, and had been read to %d", end, r.at.Next))
}

// changed reports that the log does not have what was read of it, at the latest
// from an offset on, and goes on from where it does.
func (r *reader) changed(ctx context.Context, conn *amqp.Connection, until uint64, what string) error {
	trail := r.at.Trail.Before(until)
	for n := len(trail) - 1; n >= 0; n-- {
		mark := &trail[n]
		d, err := r.log.peek(ctx, conn, int64(mark.Offset), nil) //nolint:gosec // an offset of a stream
		if err != nil {
			return err
		}
		if d == nil {
			return fmt.Errorf("%w: the record at offset %d did not come within %v", bus.ErrSessionLost, mark.Offset, peekTimeout)
		}
		if amqpbus.Offset(d) != mark.Offset {
			break // retention has dropped it, and all before
		}
		var item Item
		r.decoder.delivery(d, &item)
		if bytes.Equal(item.Fingerprint(), mark.Fingerprint) {
			return r.cut(trail[:n+1], until, what)
		}
		until = mark.Offset
	}
	return r.another(what)
}

// cut reports that the log lost its end, of which until is the last that may
// have been there. It is read on from the last record that is known to be there.
func (r *reader) cut(trail Trail, until uint64, what string) error {
	last := trail[len(trail)-1]
	next := last.Offset + 1
	r.gap(next, "cut-short", fmt.Sprintf("%s: the log lost its end, somewhere from offset %d on; records that were written last are gone, of which some may never have been read", what, next))
	gap := &r.chunk[len(r.chunk)-1]
	gap.Until, gap.print = max(until, next), last.Fingerprint
	err := r.flush()
	r.at.Next, r.at.Known, r.at.Fingerprint, r.at.Trail = next, true, last.Fingerprint, trail
	return err
}

// another reports that the log is another one, which is read from its begin.
func (r *reader) another(what string) error {
	r.gap(0, "recreated", what+": the log was made anew")
	r.chunk[len(r.chunk)-1].NewLog = true
	err := r.flush()
	r.at = Place{Mapping: r.at.Mapping, Doubt: r.at.Doubt}
	return err
}

// peek returns the first record that a reader gets who begins at an offset, or
// nil where none comes in time. It calls ready, where there is one, when it would
// get what is written.
func (a *AMQP) peek(ctx context.Context, conn *amqp.Connection, offset any, ready func()) (*amqp.Delivery, error) {
	ch, err := conn.Channel()
	if err != nil {
		return nil, fmt.Errorf("open a channel: %w", err)
	}
	defer func() { _ = ch.Close() }() // it is done with either way
	if err := ch.Qos(1, 0, false); err != nil {
		return nil, fmt.Errorf("set the prefetch: %w", err)
	}
	deliveries, err := ch.Consume(a.cfg.Log, "", false, false, false, false, amqp.Table{"x-stream-offset": offset})
	if err != nil {
		return nil, lacks(fmt.Errorf("read %s: %w", a.cfg.Log, amqpbus.Explain(err, "queue", a.cfg.Log)), "read the log", "read", a.cfg.Log)
	}
	if ready != nil {
		ready()
	}
	timeout := time.NewTimer(peekTimeout)
	defer timeout.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-timeout.C:
			return nil, nil //nolint:nilnil // nothing came, and that is no error
		case d, ok := <-deliveries:
			if !ok {
				return nil, fmt.Errorf("%w: the connection was lost", bus.ErrSessionLost)
			}
			if want, numbered := offset.(int64); numbered && int64(amqpbus.Offset(&d)) < want { //nolint:gosec // an offset of a stream
				if err := d.Ack(false); err != nil { // brokers begin with a whole chunk
					return nil, fmt.Errorf("%w: %w", bus.ErrSessionLost, err)
				}
				continue
			}
			return &d, nil
		}
	}
}
