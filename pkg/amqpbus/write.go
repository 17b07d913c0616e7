package amqpbus

import (
	"context"
	"errors"
	"fmt"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/laban-io/laban/pkg/bus"
)

// session publishes over one connection until it is lost.
func (p *publisher) session(ctx context.Context, conn *connection, up func()) error {
	ch, err := conn.Channel()
	if err != nil {
		return fmt.Errorf("open a channel: %w", err)
	}
	if err := ch.Confirm(false); err != nil {
		return fmt.Errorf("ask for publisher confirms: %w", err)
	}
	answers := listen(conn, ch)
	sessionCtx, end := context.WithCancelCause(ctx)
	defer end(nil)
	var closeErr error
	confirming := make(chan struct{})
	go func() {
		defer close(confirming)
		closeErr = p.confirm(answers, end)
		end(closeErr)
	}()
	up()
	p.signal()
	writeErr := p.write(sessionCtx, ch, conn.socket)
	// The confirming goroutine goes on until the connection is closed.
	conn.hangUp()
	<-confirming
	err = writeErr
	var amqpErr *amqp.Error
	switch {
	case ctx.Err() != nil:
		err = nil
	case errors.As(closeErr, &amqpErr):
		err = closeErr // the broker's own reason says more than a failed write
	}
	p.reclaim(err)
	return err
}

// write writes waiting messages until the session ends. Those that wait
// together go out together; it never waits with any of them held back.
func (p *publisher) write(ctx context.Context, ch *amqp.Channel, out *socket) error {
	defer func() { _ = out.uncork() }() // the goodbye follows
	for {
		o := p.next()
		if o == nil {
			if err := out.uncork(); err != nil {
				return fmt.Errorf("%w: %w", bus.ErrSessionLost, err)
			}
			select {
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-p.wake:
				continue
			}
		}
		out.cork()
		// The library ignores the context of a publish once it began; the
		// deadline of each write to the socket bounds it.
		confirmation, err := ch.PublishWithDeferredConfirmWithContext(context.Background(), o.exchange, o.key, true, false, o.msg)
		if err != nil {
			return fmt.Errorf("%w: %w", bus.ErrSessionLost, err)
		}
		p.taken(o, confirmation)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
}

// next moves the oldest waiting message to the unconfirmed ones and returns it.
// It is registered before it is written, since its confirm may come before the
// write returns. It returns nil while there is nothing to write or the broker
// blocks publishers.
func (p *publisher) next() *outgoing {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.blocked || p.waiting.len() == 0 {
		return nil
	}
	o := p.waiting.pop()
	o.written = true
	p.unconfirmed.push(o)
	return o
}

// taken notes where the broker's answer to o will be. It may be there already.
func (p *publisher) taken(o *outgoing, a answer) {
	p.mu.Lock()
	o.answer = a
	ended := p.settle(nil)
	p.mu.Unlock()
	p.tell(ended)
}

// maxStrikes is how many closed channels a message may be party to before it
// is taken to be what closes them.
const maxStrikes = 3

// reclaim puts what a lost session left unconfirmed before what waits, in
// order, to be sent again. Messages that the broker will never take are ended.
func (p *publisher) reclaim(why error) {
	limit, hasLimit := sizeLimit(why)
	suspect := isChannelError(why)
	p.mu.Lock()
	var again []*outgoing
	var ended []outcome
	for _, o := range p.unconfirmed.takeAll() {
		o.answer = nil // the next session gives it another number
		if suspect {
			o.strikes++
		}
		switch {
		case o.done == nil:
			<-p.slots // given up before; never blocks, its slot is taken
		case hasLimit && len(o.msg.Body) > limit:
			ended = append(ended, outcome{p.finish(o), fmt.Errorf("%w: %d bytes, the broker's limit is %d", bus.ErrTooLarge, len(o.msg.Body), limit)})
		case !hasLimit && o.strikes >= maxStrikes:
			ended = append(ended, outcome{p.finish(o), fmt.Errorf("%w: it closed the channel %d times: %w", bus.ErrRejected, o.strikes, why)})
		default:
			again = append(again, o)
		}
	}
	again = append(again, p.waiting.takeAll()...)
	for _, o := range again {
		p.waiting.push(o)
	}
	p.firstTag, p.answered, p.blocked = 1, 0, false
	p.mu.Unlock()
	p.tell(ended)
}

// putOffFor is how long a rejected message waits before it is sent again.
func putOffFor(rejections int) time.Duration {
	return min(50*time.Millisecond<<min(rejections-1, 6), 2*time.Second)
}
