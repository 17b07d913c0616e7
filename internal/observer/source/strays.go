package source

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/laban-io/laban/internal/observer/record"
	"github.com/laban-io/laban/pkg/amqpbus"
	"github.com/laban-io/laban/pkg/bus"
)

// strayEvery is how often it is looked for a stream that is not there.
const strayEvery = 10 * time.Second

// refusedAgain is how often it is tried whether a permission has been granted.
const refusedAgain = time.Minute

// Strays reads the stream of unrouted messages, and a stream of the observer's
// own that gets a copy of each lost one.
func (a *AMQP) Strays(ctx context.Context, after map[string]uint64, fn func(context.Context, record.Stray) error, evidence Evidence) error {
	lost := a.names.LostBox + ".log"
	var reading sync.WaitGroup
	errs := make(chan error, 2)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for _, s := range []strays{
		{log: a, stream: a.names.Unrouted, fn: fn, name: "unrouted", evidence: evidence},
		{log: a, stream: lost, exchange: a.names.LostBox, lost: true, fn: fn, name: "lost", evidence: evidence},
	} {
		s.next, s.known = after[s.stream]
		reading.Go(func() {
			err := a.sessions.Run(ctx, "strays", s.session)
			if err != nil {
				cancel()
			}
			errs <- err
		})
	}
	reading.Wait()
	return errors.Join(<-errs, <-errs)
}

// strays reads one stream of strays.
type strays struct {
	log *AMQP
	// stream is read; exchange is bound to it, where it is the observer's own.
	stream, exchange string
	lost             bool
	next             uint64
	known            bool
	fn               func(context.Context, record.Stray) error
	name             string
	evidence         Evidence
	missed           uint64 // dropped before they were read, about
}

// seen says what of the stream is seen.
func (s *strays) seen() string {
	if s.missed == 0 {
		return "from the stream " + s.stream
	}
	return fmt.Sprintf("from the stream %s, of which about %d records before offset %d were dropped before they were read: a stall of that time may be given another cause", s.stream, s.missed, s.next)
}

// miss notes where records were dropped before one: the stream is bounded, and
// the observer may have been away.
func (s *strays) miss(offset uint64) {
	if !s.known || offset <= s.next+smallHole {
		return
	}
	s.missed += offset - s.next
	s.next = offset
	s.log.log.Warn("messages that reached no service were dropped before they were read; stalls of that time may be given another cause", "stream", s.stream, "about", s.missed)
	s.evidence(s.name, true, s.seen())
}

func (s *strays) session(ctx context.Context, conn *amqp.Connection, up func()) error {
	up()
	for {
		ready, err := s.prepare(conn)
		if err != nil {
			return err
		}
		if ready {
			s.evidence(s.name, true, s.seen())
			break
		}
		s.evidence(s.name, false, "there is no "+s.stream+" yet, or this user may not make it; services that use package amqpbus declare where their messages end")
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(strayEvery):
		}
	}
	ch, err := conn.Channel()
	if err == nil {
		err = ch.Qos(100, 0, false)
	}
	if err != nil {
		return fmt.Errorf("open a channel: %w", err)
	}
	var from any = "first"
	if s.known {
		from = int64(s.next) //nolint:gosec // an offset of a stream
	}
	deliveries, err := ch.Consume(s.stream, "", false, false, false, false, amqp.Table{"x-stream-offset": from})
	if err = lacks(err, "see messages that were "+s.name, "read", s.stream); errors.Is(err, ErrRefused) {
		s.evidence(s.name, false, err.Error())
		pause(ctx, refusedAgain)
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", s.stream, amqpbus.Explain(err, "queue", s.stream))
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case d, ok := <-deliveries:
			if !ok {
				return fmt.Errorf("%w: reading %s ended", bus.ErrSessionLost, s.stream)
			}
			offset := amqpbus.Offset(&d)
			s.miss(offset)
			if !s.known || offset >= s.next {
				if err := s.fn(ctx, s.stray(&d, offset)); err != nil {
					return err
				}
				s.next, s.known = offset+1, true
			}
			if err := d.Ack(false); err != nil {
				return fmt.Errorf("%w: %w", bus.ErrSessionLost, err)
			}
		}
	}
}

// prepare tells whether the stream is there. It makes the observer's own where
// there is something to bind it to.
func (s *strays) prepare(conn *amqp.Connection) (bool, error) {
	if s.exchange == "" {
		return queueExists(conn, s.stream)
	}
	ch, err := conn.Channel()
	if err != nil {
		return false, fmt.Errorf("open a channel: %w", err)
	}
	defer func() { _ = ch.Close() }()
	if err := ch.ExchangeDeclarePassive(s.exchange, "fanout", true, false, false, false, nil); err != nil {
		return false, ifNotFound(err)
	}
	if err := s.log.sessions.DeclareLog(conn, s.stream); err != nil {
		s.log.warnOnce("copies of messages that were lost can't be seen", "error", err)
		return false, nil
	}
	if err := ch.QueueBind(s.stream, "", s.exchange, false, nil); err != nil {
		s.log.warnOnce("copies of messages that were lost can't be seen", "error", amqpbus.Explain(err, "exchange", s.exchange))
		return false, nil
	}
	return true, nil
}

// ifNotFound returns nil for an error that says that there is no such thing.
func ifNotFound(err error) error {
	var refused *amqp.Error
	if errors.As(err, &refused) && (refused.Code == amqp.NotFound || refused.Code == amqp.AccessRefused) {
		return nil
	}
	return fmt.Errorf("%w: %w", bus.ErrSessionLost, err)
}

func (s *strays) stray(d *amqp.Delivery, offset uint64) record.Stray {
	r, _ := amqpbus.ReadRecord(s.log.cfg.Prefix, d)
	e := &r.Event
	stray := record.Stray{
		EventID: e.ID, EventType: e.Type, FlowName: e.FlowName, FlowID: e.FlowID, Key: e.Subject,
		Stream: s.stream, Offset: offset, Lost: s.lost,
	}
	if s.lost {
		stray.Service = r.Service
		if stray.Service == "" {
			service, _, _ := strings.Cut(d.RoutingKey, ".retry.")
			stray.Service = strings.TrimSuffix(service, amqpbus.ParkedQueue(""))
		}
	}
	return stray
}
