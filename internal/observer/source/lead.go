package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
)

// roleLead names the connection that pulses.
const roleLead = "pulse"

// lockEvery is how often a waiting observer tries.
const lockEvery = time.Second

// lockQueue is the queue that the observer of a log holds exclusively.
func lockQueue(stream string) string { return "laban.observer." + stream }

// Lead tries to lead; see [Log].
func (a *AMQP) Lead(ctx context.Context, l Leadership) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	a.onDown(roleLead, l.Unreachable)
	var stopped error
	err := a.sessions.Run(ctx, roleLead, func(ctx context.Context, conn *amqp.Connection, up func()) error {
		err := a.leadSession(ctx, conn, up, l)
		var s *errStopped
		if errors.As(err, &s) {
			stopped = s.err
			cancel()
			return err
		}
		return err
	})
	if stopped != nil {
		return stopped
	}
	return err
}

func (a *AMQP) leadSession(ctx context.Context, conn *amqp.Connection, up func(), l Leadership) error {
	if err := a.declare(conn); err != nil {
		return err
	}
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	var watch sync.WaitGroup
	defer watch.Wait()
	lease := &lease{stream: a.cfg.Log}
	lost := conn.NotifyClose(make(chan *amqp.Error, 1))
	blocked := conn.NotifyBlocked(make(chan amqp.Blocking, 8))
	watch.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case err := <-lost:
				if err == nil {
					end(fmt.Errorf("%w: closed by the broker", bus.ErrSessionLost))
				} else {
					end(fmt.Errorf("%w: %w", bus.ErrSessionLost, err))
				}
				return
			case b, ok := <-blocked:
				if !ok {
					blocked = nil
					continue
				}
				lease.block(b)
			}
		}
	})
	defer end(nil) // before the wait above
	for {
		err := errNotWanted
		if l.Wants() {
			err = lock(conn, a.cfg.Log)
		}
		if err == nil {
			break
		}
		var refused *amqp.Error
		if !errors.Is(err, errNotWanted) && (!errors.As(err, &refused) || refused.Code != amqp.ResourceLocked) {
			return lacks(fmt.Errorf("be the one observer that pulses: declare the exclusive queue %s: %w", lockQueue(a.cfg.Log), err),
				"be the one observer that pulses", "configure", lockQueue(a.cfg.Log))
		}
		up()
		l.Waits()
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(lockEvery):
		}
	}
	w, err := newWriter(conn)
	if err != nil {
		return err
	}
	lease.writer, lease.up = w, up
	if err := l.Leads(ctx, lease); err != nil {
		return &errStopped{err}
	}
	return cmp.Or(context.Cause(ctx), lease.failed())
}

// errNotWanted stands for another one's lead where it was not tried.
var errNotWanted = errors.New("not tried")

// lock declares the exclusive queue. A refusal closes the channel, so each try
// has its own.
func lock(conn *amqp.Connection, stream string) error {
	ch, err := conn.Channel()
	if err != nil {
		return err
	}
	if _, err = ch.QueueDeclare(lockQueue(stream), false, true, true, false, nil); err != nil {
		return err
	}
	return nil // the channel stays, as the queue does, until the connection goes
}

// lease is the right to pulse, for as long as a connection lasts.
type lease struct {
	stream string
	writer *writer
	up     func() // to be called when something could be written

	mu      sync.Mutex
	blocked string
	failure error // of the last record
}

func (l *lease) failed() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failure
}

// note remembers how writing a record went.
func (l *lease) note(err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failure = err
	if err == nil && l.up != nil {
		l.up()
		l.up = nil
	}
	return err
}

func (l *lease) block(b amqp.Blocking) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case !b.Active:
		l.blocked = ""
	case b.Reason == "":
		l.blocked = "the broker gives no reason"
	default:
		l.blocked = b.Reason
	}
}

func (l *lease) Blocked() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.blocked
}

func (l *lease) Append(ctx context.Context, e event.Event) error {
	return l.note(l.writer.append(ctx, l.stream, e))
}

// Probe sends a message to no queue at all: the broker confirms it, unless it
// takes nothing.
func (l *lease) Probe(ctx context.Context) error {
	return l.note(l.writer.publish(ctx, "laban.observer.nowhere", amqp.Publishing{}))
}
