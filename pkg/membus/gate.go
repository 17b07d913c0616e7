package membus

import (
	"context"
	"errors"
	"fmt"

	"github.com/laban-io/laban/pkg/bus"
)

// gate is what stands between a client and the broker: whether it can be
// reached, whether it takes messages, and who waits for that to change.
// Broker.mu guards it.
type gate struct {
	closed  bool
	down    bool
	blocked bool
	waiting bool
	signal  chan struct{} // closed at the next change
}

func newGate() gate { return gate{signal: make(chan struct{})} }

// changed wakes all that wait, to look again.
func (g *gate) changed() {
	if g.waiting {
		close(g.signal)
		g.signal, g.waiting = make(chan struct{}), false
	}
}

// await returns nil as soon as refused does. It returns refused's error where
// waiting can't help, and that with ctx's when ctx ends. b.mu is held when it
// is called and when it returns, and not in between.
func (b *Broker) await(ctx context.Context, refused func() error) error {
	for {
		err := refused()
		if err == nil || errors.Is(err, bus.ErrClosed) || errors.Is(err, bus.ErrSessionLost) {
			return err
		}
		b.gate.waiting = true
		signal := b.gate.signal
		b.mu.Unlock()
		select {
		case <-signal:
			b.mu.Lock()
		case <-ctx.Done():
			b.mu.Lock()
			return fmt.Errorf("%w: %w", err, context.Cause(ctx))
		}
	}
}

// refused tells why t's message can't be taken now, or nil, with b.mu held.
func (b *Broker) refused(t *Transport) error {
	switch {
	case t.closed || b.gate.closed:
		return bus.ErrClosed
	case b.gate.down:
		return bus.ErrUnreachable
	case b.gate.blocked:
		return bus.ErrBlocked
	}
	return nil
}

// fullQueue is the error of a queue without room.
func (b *Broker) fullQueue(name string) error {
	return fmt.Errorf("%w: queue %s is full, it holds %d messages", bus.ErrRejected, name, b.cfg.QueueMessages)
}
