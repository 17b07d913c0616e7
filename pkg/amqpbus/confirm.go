package amqpbus

import (
	"context"
	"errors"
	"fmt"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/laban-io/laban/pkg/bus"
)

// answers is what the broker says on a publisher's session. returns and confirms
// are unbuffered and read by one goroutine, because only so does a return come
// before the confirm of the same message.
type answers struct {
	returns  chan amqp.Return
	confirms chan amqp.Confirmation
	blocked  chan amqp.Blocking
	connLost chan *amqp.Error
	chanLost chan *amqp.Error
}

func listen(conn *connection, ch *amqp.Channel) answers {
	return answers{
		returns:  ch.NotifyReturn(make(chan amqp.Return)),
		confirms: ch.NotifyPublish(make(chan amqp.Confirmation)),
		blocked:  conn.NotifyBlocked(make(chan amqp.Blocking, 1)),
		connLost: conn.NotifyClose(make(chan *amqp.Error, 1)),
		chanLost: ch.NotifyClose(make(chan *amqp.Error, 1)),
	}
}

// stuckAfter is how long the oldest message may be unconfirmed before the
// session is given up: the client library can lose a confirm.
const stuckAfter = 30 * time.Second

// confirm takes the broker's answers until the library closes the channel of
// confirms, however the session ends, so that the library's reader is never
// left waiting. It ends the session where the broker stopped answering, and
// returns why the connection or channel was closed.
func (p *publisher) confirm(a answers, end context.CancelCauseFunc) error {
	look := time.NewTicker(time.Second)
	defer look.Stop()
	oldest, since := uint64(0), time.Now()
	for {
		select {
		case c, ok := <-a.confirms:
			if !ok {
				return a.closeReason()
			}
			p.confirmed(c)
		case r, ok := <-a.returns:
			if !ok {
				a.returns = nil // closed with the confirms
				continue
			}
			p.returned(r)
		case b, ok := <-a.blocked:
			if !ok {
				a.blocked = nil
				continue
			}
			p.setBlocked(b.Active)
		case <-look.C:
			tag, blocked := p.oldest()
			if tag != oldest || tag == 0 || blocked {
				oldest, since = tag, time.Now()
			} else if time.Since(since) > stuckAfter {
				end(fmt.Errorf("%w: no confirm for %v", bus.ErrSessionLost, stuckAfter))
			}
		}
	}
}

// closeReason returns why the library closed the channel of confirms.
func (a answers) closeReason() error {
	for _, reasons := range [...]chan *amqp.Error{a.chanLost, a.connLost} {
		select {
		case reason := <-reasons:
			if reason != nil {
				return lost(reason)
			}
		default:
		}
	}
	return lost(nil)
}

// isChannelError tells whether the broker closed a channel because of something
// that was published on it, rather than that the connection went.
func isChannelError(err error) bool {
	var amqpErr *amqp.Error
	if !errors.As(err, &amqpErr) || !amqpErr.Server {
		return false
	}
	switch amqpErr.Code {
	case amqp.ContentTooLarge, amqp.AccessRefused, amqp.NotFound, amqp.PreconditionFailed,
		amqp.FrameError, amqp.SyntaxError, amqp.NotImplemented:
		return true
	}
	return false
}

// confirmed takes note that the broker answered to a message. What it said is
// not read from c: of a message that was rejected while an earlier one was
// unconfirmed, the library says "acknowledged" once the broker acknowledges
// later ones together with all before them. Its [amqp.DeferredConfirmation] has
// what the broker said of that very message.
func (p *publisher) confirmed(c amqp.Confirmation) {
	p.mu.Lock()
	// The library hands confirms over in order, each number once.
	if c.DeliveryTag != p.answered+1 {
		p.mu.Unlock()
		return
	}
	p.answered++
	var room [1]outcome // so that the usual one needs no memory
	ended := p.settle(room[:0])
	p.mu.Unlock()
	p.tell(ended)
}

// settle ends the messages that the broker answered to, or puts them off. An
// answer that overtook the return of the call that wrote its message waits for
// that. The caller holds the lock and tells the outcomes, which are appended to
// ended, after it has let go.
func (p *publisher) settle(ended []outcome) []outcome {
	for p.firstTag <= p.answered && p.unconfirmed.len() > 0 && p.unconfirmed.at(0).answer != nil {
		o := p.unconfirmed.pop()
		p.firstTag++
		switch {
		case o.done == nil: // its caller has been told
			<-p.slots // never blocks, its slot is taken
		case !o.answer.Acked():
			o.answer = nil
			o.rejections++
			pause := putOffFor(o.rejections)
			o.notBefore = time.Now().Add(pause)
			if o.notBefore.Before(o.deadline) && o.ctx.Err() == nil {
				p.putOff = append(p.putOff, o)
				continue
			}
			ended = append(ended, outcome{p.finish(o), fmt.Errorf("%w %d times", bus.ErrRejected, o.rejections)})
		case o.returned:
			ended = append(ended, outcome{p.finish(o), fmt.Errorf("%w: exchange %q, routing key %q", bus.ErrUnroutable, o.exchange, o.key)})
		default:
			ended = append(ended, outcome{p.finish(o), nil})
		}
	}
	return ended
}

// returned marks a message that no queue took. Its confirm follows.
func (p *publisher) returned(r amqp.Return) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.unconfirmed.len() {
		if o := p.unconfirmed.at(i); !o.returned && o.msg.MessageId == r.MessageId && o.key == r.RoutingKey && o.exchange == r.Exchange {
			o.returned = true
			return
		}
	}
}

func (p *publisher) setBlocked(blocked bool) {
	p.mu.Lock()
	p.blocked = blocked
	p.mu.Unlock()
	if !blocked {
		p.signal()
	}
}

// oldest returns the number of the oldest unconfirmed message, or 0.
func (p *publisher) oldest() (tag uint64, blocked bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.unconfirmed.len() == 0 {
		return 0, p.blocked
	}
	return p.firstTag, p.blocked
}
