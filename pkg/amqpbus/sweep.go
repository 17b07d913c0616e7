package amqpbus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/laban-io/laban/pkg/bus"
)

// sweepEvery is how often deadlines are looked at: the most that a publish can
// return too late. A timer for each message would cost more than the message.
const sweepEvery = 10 * time.Millisecond

// sweepLoop looks at deadlines, with or without a session, until ctx ends. It
// sleeps while no message is outstanding.
func (p *publisher) sweepLoop(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			if p.sweep(now) {
				continue
			}
			tick.Stop()
			select {
			case <-ctx.Done():
				return
			case <-p.busy:
				tick.Reset(sweepEvery)
			}
		}
	}
}

// sweep ends messages whose time is up and sends put-off ones again. It returns
// whether any message is outstanding.
func (p *publisher) sweep(now time.Time) bool {
	p.mu.Lock()
	if p.outstanding == 0 {
		p.mu.Unlock()
		return false
	}
	told := p.sweepUnconfirmed(now)
	ended := p.sweepWaiting(now)
	ended = append(ended, p.sweepPutOff(now)...)
	work := p.waiting.len() > 0
	p.mu.Unlock()
	for _, o := range told {
		o.done(o.err)
	}
	p.tell(ended)
	if work {
		p.signal()
	}
	return true
}

// sweepUnconfirmed ends those the broker did not answer to in time. Each keeps
// its place and its slot until the broker answers or the session ends: a later
// confirm must find it, and the window must stay a bound.
func (p *publisher) sweepUnconfirmed(now time.Time) (told []outcome) {
	for i := range p.unconfirmed.len() {
		if o := p.unconfirmed.at(i); o.done != nil && o.expired(now) {
			told = append(told, outcome{p.finish(o), o.tooLate(bus.ErrUnconfirmed)})
		}
	}
	return told
}

// sweepWaiting ends those that could not be written in time.
func (p *publisher) sweepWaiting(now time.Time) (ended []outcome) {
	expired := 0
	for i := range p.waiting.len() {
		if p.waiting.at(i).expired(now) {
			expired++
		}
	}
	if expired == 0 {
		return nil
	}
	why := p.unsent()
	for _, o := range p.waiting.takeAll() {
		if o.expired(now) {
			ended = append(ended, outcome{p.finish(o), o.tooLate(why)})
		} else {
			p.waiting.push(o)
		}
	}
	return ended
}

// sweepPutOff sends rejected messages again when they have waited enough.
func (p *publisher) sweepPutOff(now time.Time) (ended []outcome) {
	kept := p.putOff[:0]
	for _, o := range p.putOff {
		switch {
		case o.expired(now):
			ended = append(ended, outcome{p.finish(o), o.tooLate(bus.ErrRejected)})
		case now.Before(o.notBefore):
			kept = append(kept, o)
		default:
			p.waiting.push(o)
		}
	}
	clear(p.putOff[len(kept):])
	p.putOff = kept
	return ended
}

// expired tells whether the message's time is up.
func (o *outgoing) expired(now time.Time) bool {
	return now.After(o.deadline) || o.ctx.Err() != nil
}

// tooLate returns the error of a message whose time is up. One that was written
// before may have arrived, whatever holds it up now.
func (o *outgoing) tooLate(why error) error {
	if o.written && !errors.Is(why, bus.ErrRejected) {
		why = bus.ErrUnconfirmed
	}
	if cause := context.Cause(o.ctx); cause != nil {
		return fmt.Errorf("%w: %w", why, cause)
	}
	return fmt.Errorf("%w: %w", why, context.DeadlineExceeded)
}
