package amqpbus

import (
	"context"
	"errors"
	"fmt"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/laban-io/laban/pkg/bus"
)

const (
	// chunkGap is how long the broker may pause between two records of one
	// chunk, which it sends in one go.
	chunkGap = 250 * time.Millisecond
	// emptyAfter is how long a stream stays silent before it is taken for empty.
	emptyAfter = time.Second
	// readTimeout is how long the broker may take for the next record of a log
	// that is known to have more.
	readTimeout = 30 * time.Second
)

// ReadLog hands over the log from its oldest record to the one that is the last
// when it is called, and returns. fn gets each record with the offset of that
// last one. An error of fn ends the reading and is returned.
//
// Unlike [Transport.Tail] it is for tools that look once: it declares nothing,
// publishes nothing, and does not try again. Where there is no log, the error
// says so. The end is found by reading the stream's last chunk, since a passive
// declaration counts records seconds late.
func ReadLog(ctx context.Context, cfg Config, fn func(r bus.LogRecord, last uint64) error) error {
	cfg.setDefaults()
	if err := cfg.validate(); err != nil {
		return err
	}
	t := &Transport{cfg: cfg, names: namesFor(cfg.Prefix)}
	var (
		conn *connection
		errs []error
	)
	for _, url := range cfg.URLs {
		c, err := t.dial(ctx, url, "log")
		if err == nil {
			conn = c
			break
		}
		errs = append(errs, err)
	}
	if conn == nil {
		return errors.Join(errs...)
	}
	defer conn.hangUp()
	defer context.AfterFunc(ctx, conn.hangUp)()

	last, empty, err := t.lastOffset(ctx, conn)
	if err != nil || empty {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watch := time.AfterFunc(readTimeout, func() {
		cancel(fmt.Errorf("read %s: no record came for %v, though the log goes on to offset %d", t.names.log, readTimeout, last))
	})
	defer watch.Stop()
	from, ended := bus.First(), false
	stop := errors.New("the end was read")
	reader := &logReader{t: t, from: &from, fn: func(r bus.LogRecord) error {
		watch.Reset(readTimeout)
		if r.Offset <= last {
			if err := fn(r, last); err != nil {
				return err
			}
		}
		if ended = r.Offset >= last; ended {
			return stop
		}
		return nil
	}}
	err = reader.session(ctx, conn, func() {})
	switch {
	case ended:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	default:
		return err
	}
}

// lastOffset returns the offset of the last record, or that there is none.
func (t *Transport) lastOffset(ctx context.Context, conn *connection) (last uint64, empty bool, err error) {
	ch, err := conn.Channel()
	if err != nil {
		return 0, false, fmt.Errorf("open a channel: %w", err)
	}
	if err := ch.Qos(tailPrefetch, 0, false); err != nil {
		return 0, false, fmt.Errorf("set the prefetch: %w", err)
	}
	log := t.names.log
	deliveries, err := ch.Consume(log, "", false, false, false, false, amqp.Table{"x-stream-offset": "last"})
	if err != nil {
		var refused *amqp.Error
		if errors.As(err, &refused) && refused.Code == amqp.NotFound {
			return 0, false, fmt.Errorf("there is no log %s: no service on Laban's bus ever ran in this virtual host: %w", log, err)
		}
		return 0, false, fmt.Errorf("read %s: %w", log, explain(err, "queue", log))
	}
	defer func() { _ = ch.Close() }() // what follows has a channel of its own
	quiet, empty := time.NewTimer(emptyAfter), true
	defer quiet.Stop()
	long := time.NewTimer(emptyAfter) // on a busy log there is always a next record
	defer long.Stop()
	for unacked := 0; ; {
		select {
		case <-ctx.Done():
			return 0, false, context.Cause(ctx)
		case <-quiet.C:
			return last, empty, nil
		case <-long.C:
			return last, empty, nil
		case d, ok := <-deliveries:
			if !ok {
				return 0, false, lost(nil)
			}
			last, empty = uint64(max(number(d.Headers, "x-stream-offset"), 0)), false
			quiet.Reset(chunkGap)
			if unacked++; unacked == tailPrefetch/2 {
				unacked = 0
				if err := d.Ack(true); err != nil {
					return 0, false, fmt.Errorf("%w: %w", bus.ErrSessionLost, err)
				}
			}
		}
	}
}
