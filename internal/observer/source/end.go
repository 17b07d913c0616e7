package source

import (
	"context"
	"fmt"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/laban-io/laban/pkg/amqpbus"
)

// The end is reached when nothing has come for endQuiet; in a log that is
// written to, what came within endMost is at or behind the end as of the begin.
const (
	endQuiet = 700 * time.Millisecond
	endMost  = 2 * time.Second
	// endFirst is how long the first record may take, where the broker says that
	// the log is not empty.
	endFirst = 30 * time.Second
)

// End returns the offset after the last record.
func (a *AMQP) End(ctx context.Context) (end uint64, err error) {
	err = a.sessions.Once(ctx, "log end", func(ctx context.Context, conn *amqp.Connection) error {
		end, err = a.end(ctx, conn)
		return err
	})
	return end, err
}

// end reads the last chunk, which is the only way to learn where a stream ends.
func (a *AMQP) end(ctx context.Context, conn *amqp.Connection) (uint64, error) {
	ch, err := conn.Channel()
	if err != nil {
		return 0, fmt.Errorf("open a channel: %w", err)
	}
	defer func() { _ = ch.Close() }()
	if err := ch.Qos(creditFirst, 0, false); err != nil {
		return 0, fmt.Errorf("set the prefetch: %w", err)
	}
	deliveries, err := ch.Consume(a.cfg.Log, "", false, false, false, false, amqp.Table{"x-stream-offset": "last"})
	if err != nil {
		return 0, fmt.Errorf("read the end of %s: %w", a.cfg.Log, amqpbus.Explain(err, "queue", a.cfg.Log))
	}
	begun, most := time.Now(), time.NewTimer(endMost)
	defer most.Stop()
	end := uint64(0)
	for n := 0; ; {
		select {
		case <-ctx.Done():
			return 0, fmt.Errorf("%w: %w", ErrUnknownEnd, context.Cause(ctx))
		case d, ok := <-deliveries:
			if !ok {
				return 0, fmt.Errorf("%w: the connection was lost", ErrUnknownEnd)
			}
			end = amqpbus.Offset(&d) + 1
			if n++; n%(creditFirst/2) == 0 {
				if err := d.Ack(true); err != nil {
					return 0, fmt.Errorf("%w: %w", ErrUnknownEnd, err)
				}
			}
			if n == creditMost {
				return end, nil // still coming: it is at least there
			}
			continue
		case <-time.After(endQuiet):
		case <-most.C:
		}
		if end > 0 {
			return end, nil
		}
		// Silence alone does not tell an empty log from a broker that takes its time.
		switch empty, err := a.empty(conn); {
		case err != nil:
			return 0, err
		case empty:
			return 0, nil
		case time.Since(begun) > endFirst:
			return 0, fmt.Errorf("%w: the broker says that %s has records, and sent none within %v", ErrUnknownEnd, a.cfg.Log, endFirst)
		}
	}
}

// empty tells whether the broker counts no record in the log.
func (a *AMQP) empty(conn *amqp.Connection) (bool, error) {
	ch, err := conn.Channel()
	if err != nil {
		return false, fmt.Errorf("open a channel: %w", err)
	}
	state, err := ch.QueueDeclarePassive(a.cfg.Log, true, false, false, false, nil)
	if err != nil {
		return false, fmt.Errorf("look at the log %s: %w", a.cfg.Log, amqpbus.Explain(err, "queue", a.cfg.Log))
	}
	return state.Messages == 0, ch.Close()
}
