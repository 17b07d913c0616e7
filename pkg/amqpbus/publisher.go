package amqpbus

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/laban-io/laban/pkg/bus"
)

// publisher sends messages over one session after the other and tracks their
// confirms. A message is in exactly one place at a time: waiting to be written,
// written and unconfirmed, or put off after the broker rejected it.
//
// What is written is one goroutine's business (write.go), what the broker
// answers another's (confirm.go). The lock is never held across a call into the
// client library: the library's reader waits for the confirming goroutine while
// it holds what a publish needs.
type publisher struct {
	timeout time.Duration
	slots   chan struct{} // one for each message that is not done

	mu          sync.Mutex
	waiting     fifo[*outgoing]
	unconfirmed fifo[*outgoing] // in order of their numbers in this session
	firstTag    uint64          // number of the first of them
	answered    uint64          // number up to which the broker has answered in this session
	putOff      []*outgoing
	outstanding int // messages that are not done
	blocked     bool
	closed      error         // why nothing more is taken
	idle        chan struct{} // closed when outstand falls to 0; nil if nobody waits
	wake        chan struct{} // tells the writer that there is work
	busy        chan struct{} // tells the sweeper that messages are outstanding
}

// outgoing is a message on its way.
type outgoing struct {
	exchange, key string
	msg           amqp.Publishing
	ctx           context.Context //nolint:containedctx // a message in a queue carries its caller's deadline
	deadline      time.Time
	done          func(error) // nil once called
	answer        answer      // in this session; nil until the library has taken the message
	written       bool        // at least once: it may have arrived
	returned      bool        // the broker gave it back as unroutable
	rejections    int         // how often the broker answered with a nack
	strikes       int         // how many channels were closed while it was unconfirmed
	notBefore     time.Time   // of one that is put off
}

// answer is what the broker said of one message, an [amqp.DeferredConfirmation].
type answer interface{ Acked() bool }

func newPublisher(window int, timeout time.Duration) *publisher {
	return &publisher{
		timeout:  timeout,
		slots:    make(chan struct{}, window),
		firstTag: 1,
		wake:     make(chan struct{}, 1),
		busy:     make(chan struct{}, 1),
	}
}

// send queues a message; see [bus.Transport.Send].
func (p *publisher) send(ctx context.Context, exchange, key string, msg amqp.Publishing, done func(error)) {
	deadline := time.Now().Add(p.timeout)
	if d, ok := ctx.Deadline(); ok && d.Before(deadline) {
		deadline = d
	}
	if err := p.acquire(ctx, deadline); err != nil {
		done(err)
		return
	}
	o := &outgoing{exchange: exchange, key: key, msg: msg, ctx: ctx, deadline: deadline, done: done}
	p.mu.Lock()
	if p.closed != nil {
		err := p.closed
		p.mu.Unlock()
		<-p.slots
		done(err)
		return
	}
	if p.outstanding++; p.outstanding == 1 {
		notify(p.busy)
	}
	p.waiting.push(o)
	p.mu.Unlock()
	p.signal()
}

// sendWait is send that waits for the outcome.
func (p *publisher) sendWait(ctx context.Context, exchange, key string, msg amqp.Publishing) error {
	done := make(chan error, 1)
	p.send(ctx, exchange, key, msg, func(err error) { done <- err })
	return <-done
}

// acquire takes a slot in the window.
func (p *publisher) acquire(ctx context.Context, deadline time.Time) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("publish: %w", context.Cause(ctx))
	}
	select {
	case p.slots <- struct{}{}:
		return nil
	default:
	}
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	select {
	case p.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
	case <-timer.C:
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed != nil {
		return p.closed
	}
	return fmt.Errorf("%w: the window of %d unconfirmed messages is full", p.unsent(), cap(p.slots))
}

// unsent says why a message was not sent. The caller holds the lock.
func (p *publisher) unsent() error {
	if p.blocked {
		return bus.ErrBlocked
	}
	return bus.ErrUnreachable
}

func (p *publisher) signal() { notify(p.wake) }

// notify signals on a channel of size one.
func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // a signal waits there already
	}
}

// finish takes note that a message is done with; the caller holds the lock and
// calls the function that is returned after it has let go.
func (p *publisher) finish(o *outgoing) func(error) {
	done := o.done
	o.done = nil
	p.outstanding--
	if p.outstanding == 0 && p.idle != nil {
		close(p.idle)
		p.idle = nil
	}
	return done
}

// outcome is a message's end, to be told without the lock.
type outcome struct {
	done func(error)
	err  error
}

// tell ends messages that gave up their slots.
func (p *publisher) tell(outcomes []outcome) {
	for _, o := range outcomes {
		<-p.slots
		o.done(o.err)
	}
}

// ready returns why messages are not taken, or nil.
func (p *publisher) ready() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed != nil {
		return p.closed
	}
	if p.blocked {
		return bus.ErrBlocked
	}
	return nil
}

// drain takes no more messages and waits until all are done or ctx ends.
func (p *publisher) drain(ctx context.Context) error {
	p.mu.Lock()
	if p.closed == nil {
		p.closed = bus.ErrClosed
	}
	outstanding := p.outstanding
	if outstanding > 0 && p.idle == nil {
		p.idle = make(chan struct{})
	}
	idle := p.idle
	p.mu.Unlock()
	if outstanding == 0 {
		return nil
	}
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		p.mu.Lock()
		defer p.mu.Unlock()
		return fmt.Errorf("%d messages were not confirmed before closing: %w", p.outstanding, context.Cause(ctx))
	}
}

// close ends every message that is not done.
func (p *publisher) close(why error) {
	p.mu.Lock()
	if p.closed == nil || errors.Is(p.closed, bus.ErrClosed) {
		p.closed = why
	}
	left := append(p.unconfirmed.takeAll(), p.waiting.takeAll()...)
	left = append(left, p.putOff...)
	p.putOff = nil
	var ended []outcome
	for _, o := range left {
		if o.done == nil {
			<-p.slots // one whose caller has been told
			continue
		}
		err := why
		if o.written {
			err = errors.Join(why, bus.ErrUnconfirmed)
		}
		ended = append(ended, outcome{p.finish(o), err})
	}
	p.mu.Unlock()
	p.tell(ended)
}
