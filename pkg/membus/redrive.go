package membus

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/laban-io/laban/pkg/bus"
)

// Shelf names the messages that wait for a person: those that a service parked,
// those that were lost, or those that no queue asked for.
type Shelf struct {
	kind    shelfKind
	service string
}

type shelfKind int

const (
	parkedShelf shelfKind = iota
	lostShelf
	unroutedShelf
)

// ParkedShelf is that of the messages which a service has parked.
func ParkedShelf(service string) Shelf { return Shelf{parkedShelf, service} }

// LostShelf is that of the copies whose queue was missing.
func LostShelf() Shelf { return Shelf{kind: lostShelf} }

// UnroutedShelf is that of the events that no queue asked for.
func UnroutedShelf() Shelf { return Shelf{kind: unroutedShelf} }

// Held is a message on a shelf.
type Held struct {
	bus.Message
	// Number is the message's own on its shelf: they count from 0 all that was
	// ever put there.
	Number uint64
	// Offset is that of its record in the log, which may have gone from there.
	Offset uint64
	// At is when it was put there.
	At time.Time
	// Malformed is why it could not be read as an event, or nil.
	Malformed error
}

// ErrNotHeld is wrapped by the error about a message that is not on its shelf.
var ErrNotHeld = errors.New("the message is not there any more")

// shelfOf returns a shelf, or nil, with b.mu held.
func (b *Broker) shelfOf(s Shelf) *shelf {
	switch s.kind {
	case lostShelf:
		return &b.lost
	case unroutedShelf:
		return &b.unrouted
	default:
		return b.parked[s.service]
	}
}

// Held returns copies of what is on a shelf from number n on, oldest first. Each
// of a [LostShelf] has the name of the service that failed to process it in
// [bus.HeaderService].
func (b *Broker) Held(s Shelf, n uint64) []Held {
	b.mu.Lock()
	defer b.mu.Unlock()
	shelf := b.shelfOf(s)
	if shelf == nil {
		return nil
	}
	held := shelf.held[shelf.from(n):]
	all := make([]Held, len(held))
	for i := range held {
		h := &held[i]
		all[i] = Held{Message: h.toBus(b.info), Number: h.number, Offset: h.offset, At: h.at, Malformed: h.malformed}
	}
	return all
}

// Redrive sends a message again from its shelf, with these headers instead of
// its own: to the queue of a service and to no other, or where none is named to
// all that ask for it. It leaves its shelf, and the log tells of it
// ([bus.RecordRedriven]), in one step.
func (t *Transport) Redrive(ctx context.Context, from Shelf, number uint64, service string, headers map[string]string) error {
	b := t.broker
	b.mu.Lock()
	defer b.mu.Unlock()
	var queues []*queue
	ctx, cancel := context.WithTimeout(ctx, b.cfg.PublishTimeout)
	defer cancel()
	var final error
	err := b.await(ctx, func() error {
		if i, shelf := b.at(from, number); i < 0 {
			final = fmt.Errorf("%w: another one was faster", ErrNotHeld)
			return nil
		} else if service == "" {
			key := shelf.held[i].routingKey
			var err error
			queues, err = t.roomNow(&key)
			return err
		}
		if err := b.refused(t); err != nil {
			return err
		}
		q := b.queues[service]
		if q == nil {
			final = fmt.Errorf("%w: there is no queue %s", bus.ErrRejected, service)
			return nil
		}
		if q.full() {
			return b.fullQueue(q.name)
		}
		queues = []*queue{q}
		return nil
	})
	if err = errors.Join(err, final); err != nil {
		return fmt.Errorf("redrive: %w", err)
	}
	i, shelf := b.at(from, number)
	m := *shelf.held[i].message
	m.headers = maps.Clone(headers)
	shelf.take(i)
	b.log.add(record{message: &m, kind: bus.RecordRedriven, service: service})
	if len(queues) == 0 {
		b.unrouted.putLatest(&m, b.log.next()-1)
	}
	for _, q := range queues {
		q.push(&m, 1)
		b.dispatch(q)
	}
	b.gate.changed() // a shelf has room again
	return nil
}

// at returns a message's place on its shelf, or -1, with b.mu held.
func (b *Broker) at(from Shelf, number uint64) (int, *shelf) {
	shelf := b.shelfOf(from)
	if shelf == nil {
		return -1, nil
	}
	i := shelf.find(number)
	return i, shelf
}

// Forget takes a message off its shelf.
func (b *Broker) Forget(from Shelf, number uint64) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	i, shelf := b.at(from, number)
	if i < 0 {
		return ErrNotHeld
	}
	shelf.take(i)
	b.gate.changed()
	return nil
}
