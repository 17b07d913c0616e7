package parked

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"strconv"
	"time"

	"github.com/laban-io/laban/internal/observer/record"
	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/membus"
)

// Memory is a broker in this process at which messages wait.
type Memory struct {
	broker    *membus.Broker
	transport *membus.Transport
	busy      chan struct{} // held by the one session
}

var _ Store = (*Memory)(nil)

// Places of a broker in memory.
const (
	memoryLog      = "memory"
	memoryUnrouted = "memory.unrouted"
	memoryLost     = "memory.lost"
)

// NewMemory returns the store of a broker.
func NewMemory(b *membus.Broker) *Memory {
	return &Memory{broker: b, transport: b.Connect(), busy: make(chan struct{}, 1)}
}

// Scan lists what waits; see [Store].
func (s *Memory) Scan(ctx context.Context, f Filter, _ func(Progress)) (*Catch, error) {
	c := &Catch{Finished: map[Ref]int{}}
	for _, b := range s.boxes() {
		held := s.broker.Held(b.shelf, 0)
		if b.Kind != Unrouted {
			b.Count = len(held)
			c.Depths = append(c.Depths, b.Depth)
		}
		for i := range held {
			if m := heldMessage(b.Kind, b.Service, &held[i]); f.Takes(&m) {
				c.Messages = append(c.Messages, m)
			}
		}
	}
	return c, ctx.Err()
}

// memoryBox is a shelf as a box.
type memoryBox struct {
	Depth
	shelf membus.Shelf
}

func (s *Memory) boxes() []memoryBox {
	boxes := []memoryBox{
		{Depth{Kind: Lost, Queue: memoryLost}, membus.LostShelf()},
		{Depth{Kind: Unrouted, Queue: memoryUnrouted}, membus.UnroutedShelf()},
	}
	for _, q := range s.broker.Queues() {
		boxes = append(boxes, memoryBox{Depth{Kind: Parked, Service: q.Service, Queue: q.Service + ".parked"}, membus.ParkedShelf(q.Service)})
	}
	return boxes
}

// heldMessage returns what is held as it waits.
func heldMessage(kind Kind, service string, h *membus.Held) Message {
	m := messageOf(kind, &h.Message, h.Malformed)
	m.At, m.Place = h.At, Place{memoryLog, h.Offset}
	m.Attempt, _ = strconv.Atoi(h.Headers[bus.HeaderAttempt])
	switch kind {
	case Parked:
		m.Service = service
	case Unrouted:
		m.Service = ""
	case Lost:
	}
	return m
}

// Read returns the message that the log has at a place; see [Store].
func (s *Memory) Read(ctx context.Context, kind Kind, at Place) (*Message, error) {
	var found *Message
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	err := s.transport.Tail(ctx, bus.Offset(at.Offset), func(r bus.LogRecord) error {
		if r.Offset == at.Offset {
			m := messageOf(kind, &r.Message, r.Malformed)
			m.Place, m.Attempt = at, r.Attempt
			if r.Service != "" {
				m.Service = r.Service
			}
			found = &m
		}
		return errEnough
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil, err
	}
	if found == nil {
		return nil, fmt.Errorf("%w: the log has nothing at offset %d any more", ErrGone, at.Offset)
	}
	return found, nil
}

// Open begins to take messages; see [Store].
func (s *Memory) Open(ctx context.Context, box Box) (Session, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	select {
	case s.busy <- struct{}{}:
	default:
		return nil, fmt.Errorf("%w: try again in a moment", ErrBusy)
	}
	session := &memorySession{s: s, box: box}
	for _, b := range s.boxes() {
		if b.Kind != box.Kind || box.Kind == Parked && b.Service != box.Service {
			continue
		}
		session.shelf, session.held = b.shelf, s.broker.Held(b.shelf, 0)
	}
	session.count = len(session.held)
	return session, nil
}

// memorySession goes through what was on a shelf when it was opened.
type memorySession struct {
	s       *Memory
	box     Box
	shelf   membus.Shelf
	held    []membus.Held
	count   int
	taken   *membus.Held
	message *Message
}

func (s *memorySession) Waiting() int { return s.count }

func (s *memorySession) Next(ctx context.Context) (*Message, error) {
	s.Keep()
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	if len(s.held) == 0 {
		return nil, io.EOF
	}
	s.taken = &s.held[0]
	s.held = s.held[1:]
	m := heldMessage(s.box.Kind, s.box.Service, s.taken)
	s.message = &m
	return s.message, nil
}

func (s *memorySession) Keep() { s.taken, s.message = nil, nil }

// Send sends the message and takes it off its shelf in one step.
func (s *memorySession) Send(ctx context.Context, mark Mark) error {
	if s.taken == nil {
		return errors.New("no message is in hand")
	}
	headers := maps.Clone(s.taken.Headers)
	if headers == nil {
		headers = map[string]string{}
	}
	for _, name := range []string{bus.HeaderAttempt, bus.HeaderError, bus.HeaderService} {
		delete(headers, name)
	}
	maps.Copy(headers, marked(s.message, mark))
	err := s.s.transport.Redrive(ctx, s.shelf, s.taken.Number, s.message.Service, headers)
	if errors.Is(err, bus.ErrRejected) {
		err = fmt.Errorf("%w: %w", ErrNowhere, err)
	}
	if err == nil {
		s.taken = nil
	}
	return err
}

func (s *memorySession) Note(ctx context.Context, r record.Redriven) error {
	e, err := record.Encode(r, time.Now())
	if err != nil {
		return err
	}
	return s.s.transport.SendToLog(ctx, &bus.Message{Event: e, RoutingKey: e.Type})
}

func (s *memorySession) Remove(context.Context) error {
	if s.taken == nil {
		return nil
	}
	number := s.taken.Number
	s.Keep()
	return s.s.broker.Forget(s.shelf, number)
}

// Marks is empty: a message that was sent is not held any more.
func (s *memorySession) Marks(context.Context, Place) (map[Ref]int, error) { return nil, nil }

func (s *memorySession) Close() error {
	<-s.s.busy
	return nil
}
