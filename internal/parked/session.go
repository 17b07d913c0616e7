package parked

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/laban-io/laban/internal/observer/record"
	"github.com/laban-io/laban/pkg/amqpbus"
	"github.com/laban-io/laban/pkg/bus"
)

// lockQueue is the queue that whoever takes messages from a box holds
// exclusively: it goes with the connection, however that ends.
func lockQueue(queue string) string { return "laban.parked." + queue }

// confirmTimeout bounds how long the broker may take to confirm a message.
const confirmTimeout = 30 * time.Second

// Open begins to take messages; see [Store].
func (a *AMQP) Open(ctx context.Context, box Box) (Session, error) {
	s := &amqpSession{a: a, box: box, done: make(chan struct{}), over: make(chan struct{})}
	switch box.Kind {
	case Parked:
		s.queue = amqpbus.ParkedQueue(box.Service)
	case Lost:
		s.queue = a.names.LostBox
	default:
		s.queue = a.names.Unrouted
		s.places = slices.Clone(box.Places)
	}
	opened := make(chan error, 1)
	go func() {
		defer close(s.over)
		err := a.sessions.Once(context.WithoutCancel(ctx), "redrive", func(_ context.Context, conn *amqp.Connection) error {
			err := s.open(ctx, conn)
			opened <- err
			if err == nil {
				<-s.done
			}
			return err
		})
		select {
		case opened <- err: // it did not even connect
		default:
		}
	}()
	select {
	case err := <-opened:
		if err == nil {
			return s, nil
		}
		<-s.over
		return nil, err
	case <-ctx.Done():
		close(s.done)
		<-s.over
		return nil, context.Cause(ctx)
	}
}

// amqpSession takes messages one by one, and acknowledges each when its copy is
// confirmed. Messages that are kept stay unacknowledged, and go back when the
// channel closes.
type amqpSession struct {
	a      *AMQP
	box    Box
	queue  string
	places []Place
	conn   *amqp.Connection
	// ch takes and publishes: a channel does one thing after the other.
	ch       *amqp.Channel
	returned chan amqp.Return
	asking   *amqp.Channel // whether queues are there
	waiting  int
	taken    *amqp.Delivery
	message  *Message
	done     chan struct{} // closed by Close
	over     chan struct{} // closed when the connection is
}

func (s *amqpSession) open(ctx context.Context, conn *amqp.Connection) error {
	s.conn = conn
	if err := s.lock(ctx, conn); err != nil {
		return err
	}
	n, there, err := look(conn, s.queue)
	if err != nil {
		return err
	}
	if !there {
		return fmt.Errorf("%w: there is no queue %s", ErrGone, s.queue)
	}
	s.waiting = n
	if s.box.Kind == Unrouted {
		s.waiting = len(s.places)
	}
	if s.ch, err = conn.Channel(); err == nil {
		err = s.ch.Confirm(false)
	}
	if err != nil {
		return fmt.Errorf("open a channel: %w", err)
	}
	s.returned = s.ch.NotifyReturn(make(chan amqp.Return, 1))
	return ctx.Err()
}

// A command that was killed holds the lock until the broker misses it.
const (
	lockWait  = 3 * time.Second
	lockEvery = 100 * time.Millisecond
)

// lock is held for as long as the connection lasts.
func (s *amqpSession) lock(ctx context.Context, conn *amqp.Connection) error {
	name := lockQueue(s.queue)
	for until := time.Now().Add(lockWait); ; {
		ch, err := conn.Channel() // one each: a refusal closes it
		if err != nil {
			return fmt.Errorf("open a channel: %w", err)
		}
		_, err = ch.QueueDeclare(name, false, true, true, false, nil)
		var refused *amqp.Error
		switch {
		case err == nil:
			return nil
		case !errors.As(err, &refused) || refused.Code != amqp.ResourceLocked:
			return fmt.Errorf("be the only one that takes messages from %s: declare the queue %s: %w", s.queue, name, amqpbus.Explain(err, "queue", name))
		case time.Now().After(until):
			return fmt.Errorf("%w (%s): wait until they are done, and look again", ErrBusy, s.queue)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(lockEvery):
		}
	}
}

// Waiting is how many there were.
func (s *amqpSession) Waiting() int { return s.waiting }

// Next takes the next message; see [Session].
func (s *amqpSession) Next(ctx context.Context) (*Message, error) {
	s.taken, s.message = nil, nil
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	if s.box.Kind == Unrouted {
		return s.nextPlace(ctx)
	}
	d, ok, err := s.ch.Get(s.queue, false)
	switch {
	case err != nil:
		return nil, fmt.Errorf("take a message from %s: %w", s.queue, err)
	case !ok:
		return nil, io.EOF
	}
	m := s.a.message(s.box.Kind, &d)
	s.taken, s.message = &d, &m
	return &m, nil
}

// nextPlace reads the next of the messages that are named.
func (s *amqpSession) nextPlace(ctx context.Context) (*Message, error) {
	if len(s.places) == 0 {
		return nil, io.EOF
	}
	at := s.places[0]
	s.places = s.places[1:]
	end, err := s.a.end(ctx, s.conn, at.Stream)
	if err != nil {
		return nil, err
	}
	err = s.a.read(ctx, s.conn, at.Stream, int64(at.Offset), end, nil, func(d *amqp.Delivery) error { //nolint:gosec // an offset of a stream
		if amqpbus.Offset(d) == at.Offset {
			m := s.a.message(Unrouted, d)
			m.Place = at
			s.taken, s.message = d, &m
		}
		return errEnough
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil, err
	}
	if s.message == nil {
		return s.nextPlace(ctx) // retention has dropped it meanwhile
	}
	return s.message, nil
}

// Keep lets go of the content.
func (s *amqpSession) Keep() { s.taken, s.message = nil, nil }

// Send sends a copy; see [Session].
func (s *amqpSession) Send(ctx context.Context, mark Mark) error {
	if s.taken == nil {
		return errors.New("no message is in hand")
	}
	p := redriven(s.taken, s.message, mark)
	if s.box.Kind == Unrouted {
		// The exchange has the log bound to it.
		return s.publish(ctx, s.a.names.Events, s.message.RoutingKey, p)
	}
	service := s.message.Service
	if err := s.exists(service); err != nil {
		return err
	}
	// One publish, of which the broker makes two messages: one in the queue of the
	// service and one in the log. So there is no moment between the two.
	p.Headers["BCC"] = []any{s.a.log}
	err := s.publish(ctx, "", service, p)
	if err == nil {
		err = s.exists(service) // a confirm does not say which of the two took it
	}
	if errors.Is(err, bus.ErrRejected) || errors.Is(err, ErrNowhere) {
		// The log may say that it was sent, and it was not.
		return errors.Join(err, s.parkAgain(ctx, p, err))
	}
	return err
}

// parkAgain puts a message that its queue did not take back where it was, as
// one that was parked after this redrive.
func (s *amqpSession) parkAgain(ctx context.Context, p amqp.Publishing, why error) error {
	delete(p.Headers, "BCC")
	p.Headers[bus.HeaderService] = s.message.Service
	p.Headers[bus.HeaderAttempt] = int64(max(s.message.Attempt, 1))
	p.Headers[bus.HeaderError] = bus.Verdict{Err: fmt.Errorf("it was to be sent again: %w", why)}.ErrorText()
	if err := s.publish(ctx, s.a.names.Dead, amqpbus.ParkedQueue(s.message.Service), p); err != nil {
		return fmt.Errorf("park it again: %w", err)
	}
	return s.Remove(ctx)
}

// exists returns an error unless there is a queue. It asks on a channel of its
// own, which the broker closes where there is none.
func (s *amqpSession) exists(queue string) error {
	if s.asking == nil || s.asking.IsClosed() {
		ch, err := s.conn.Channel()
		if err != nil {
			return fmt.Errorf("open a channel: %w", err)
		}
		s.asking = ch
	}
	_, err := s.asking.QueueDeclarePassive(queue, true, false, false, false, nil)
	var refused *amqp.Error
	switch {
	case errors.As(err, &refused) && refused.Code == amqp.NotFound:
		return fmt.Errorf("%w: there is no queue %s, so nobody would receive it: start the service, which declares it, and try again", ErrNowhere, queue)
	case err != nil:
		return fmt.Errorf("look at queue %s: %w", queue, amqpbus.Explain(err, "queue", queue))
	}
	return nil
}

// publish publishes with confirm, and mandatory.
func (s *amqpSession) publish(ctx context.Context, exchange, key string, p amqp.Publishing) error {
	ctx, cancel := context.WithTimeout(ctx, confirmTimeout)
	defer cancel()
	confirm, err := s.ch.PublishWithDeferredConfirmWithContext(ctx, exchange, key, true, false, p)
	if err != nil {
		return fmt.Errorf("send it to %q: %w", key, err)
	}
	taken, err := confirm.WaitContext(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("send it to %q: no confirm: %w", key, err)
	case !taken:
		return fmt.Errorf("send it to %q: %w", key, bus.ErrRejected)
	}
	select {
	case r := <-s.returned:
		return fmt.Errorf("%w: the broker gave it back (%s)", ErrNowhere, r.ReplyText)
	default: // returns come before the confirm
		return nil
	}
}

// redriven returns the copy that is sent: the message as it was before its
// attempts, with a mark.
func redriven(d *amqp.Delivery, m *Message, mark Mark) amqp.Publishing {
	p := amqpbus.CopyOf(d)
	for _, name := range []string{bus.HeaderAttempt, bus.HeaderError, bus.HeaderService} {
		delete(p.Headers, name)
	}
	for name, value := range marked(m, mark) {
		p.Headers[name] = value
	}
	return p
}

// marked returns the headers of a mark.
func marked(m *Message, mark Mark) map[string]string {
	return map[string]string{
		bus.HeaderRedrive:       mark.Redrive,
		bus.HeaderRedriveOf:     strings.TrimSpace(string(m.Kind) + " " + m.Before),
		bus.HeaderRedriveBy:     mark.By,
		bus.HeaderRedriveReason: mark.Reason,
	}
}

// Note writes into the log; see [Session].
func (s *amqpSession) Note(ctx context.Context, r record.Redriven) error {
	e, err := record.Encode(r, time.Now())
	if err != nil {
		return err
	}
	p, err := amqpbus.EncodeEvent(&bus.Message{Event: e, RoutingKey: e.Type})
	if err != nil {
		return err
	}
	return s.publish(ctx, "", s.a.log, p)
}

// Remove acknowledges; see [Session].
func (s *amqpSession) Remove(context.Context) error {
	if s.taken == nil || s.box.Kind == Unrouted {
		return nil
	}
	err := s.taken.Ack(false)
	s.Keep()
	if err != nil {
		return fmt.Errorf("remove it from %s: %w", s.queue, err)
	}
	return nil
}

// Marks reads the log; see [Session].
func (s *amqpSession) Marks(ctx context.Context, after Place) (map[Ref]int, error) {
	end, err := s.a.end(ctx, s.conn, s.a.log)
	if err != nil {
		return nil, err
	}
	t := newTally(Filter{})
	err = s.a.read(ctx, s.conn, s.a.log, int64(after.Offset), end, nil, func(d *amqp.Delivery) error { //nolint:gosec // an offset of a stream
		t.record(s.a, d)
		return nil
	})
	return t.finished, err
}

// Close gives back what was kept; see [Session]. What was removed before is
// removed when it returns.
func (s *amqpSession) Close() error {
	err := s.ch.Close() // after the acknowledgements, which it takes along
	close(s.done)
	<-s.over
	if errors.Is(err, amqp.ErrClosed) {
		return nil
	}
	return err
}
