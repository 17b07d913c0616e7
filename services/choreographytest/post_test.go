package choreographytest

import (
	"context"
	"maps"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/laban-io/laban/pkg/bus"
)

// post stands between the services and their broker. What a service publishes
// it takes at once, and hands on as it likes: held back until it is released, in
// any order, more than once.
type post struct {
	mu       sync.Mutex
	holds    []*hold
	mischief *mischief
	under    sync.WaitGroup // what is on its way
}

// hold keeps back events of a type.
type hold struct {
	eventType string
	arrived   chan struct{} // closed when one is held
	release   chan struct{} // closed to let go of them
	once      sync.Once
}

// mischief is how messages are delayed and copied.
type mischief struct {
	rng      *rand.Rand
	maxDelay time.Duration
	copies   int // at most, beyond the one
}

// hold keeps back the events of a type from now on.
func (p *post) hold(eventType string) *hold {
	h := &hold{eventType: eventType, arrived: make(chan struct{}), release: make(chan struct{})}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.holds = append(p.holds, h)
	return h
}

// letGo hands on what is held, and holds nothing more.
func (p *post) letGo(h *hold) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, other := range p.holds {
		if other == h {
			p.holds = append(p.holds[:i:i], p.holds[i+1:]...)
		}
	}
	close(h.release)
}

// play makes mischief from now on, or stops it with nil.
func (p *post) play(m *mischief) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mischief = m
}

// plan is how one message is to be handed on.
type plan struct {
	held   *hold
	delays []time.Duration // one for each copy
}

func (p *post) plan(m *bus.Message) (plan, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, h := range p.holds {
		if h.eventType == m.Event.Type {
			return plan{held: h, delays: []time.Duration{0}}, true
		}
	}
	if p.mischief == nil {
		return plan{}, false
	}
	var delays []time.Duration
	for range 1 + p.mischief.rng.IntN(1+p.mischief.copies) {
		delays = append(delays, time.Duration(p.mischief.rng.Int64N(int64(p.mischief.maxDelay))))
	}
	return plan{delays: delays}, true
}

// handOn sends copies of m as planned. It does not wait for them.
func (p *post) handOn(to bus.Transport, m *bus.Message, how plan) {
	for _, delay := range how.delays {
		letter := *m
		letter.Event, letter.Headers = m.Event.Clone(), maps.Clone(m.Headers)
		p.under.Go(func() {
			if how.held != nil {
				how.held.once.Do(func() { close(how.held.arrived) })
				<-how.held.release
			}
			// The delay is part of what is simulated, not a wait for something.
			<-time.After(delay)
			done := make(chan error, 1)
			to.Send(context.Background(), &letter, func(err error) { done <- err })
			<-done // an error means that the system is being stopped
		})
	}
}

// quiet waits until nothing is on its way.
func (p *post) quiet() { p.under.Wait() }

// throughPost is a service's transport by way of the post.
type throughPost struct {
	bus.Transport
	post *post
}

func (t throughPost) Send(ctx context.Context, m *bus.Message, done func(error)) {
	how, meddle := t.post.plan(m)
	if !meddle {
		t.Transport.Send(ctx, m, done)
		return
	}
	t.post.handOn(t.Transport, m, how)
	done(nil)
}
