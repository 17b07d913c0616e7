package source

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/laban-io/laban/internal/observer/record"
	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/pkg/flow"
	"github.com/laban-io/laban/pkg/membus"
)

// Memory is the log of a broker in this process. There is one observer, and
// nothing to be tapped; all that can be known of queues is seen.
type Memory struct {
	broker    *membus.Broker
	transport *membus.Transport
	last      atomic.Uint64 // the offset after the last record that was read
}

var _ Log = (*Memory)(nil)

// NewMemory returns the log of a broker.
func NewMemory(b *membus.Broker) *Memory { return &Memory{broker: b, transport: b.Connect()} }

// Stream is the log's name.
func (m *Memory) Stream() string { return "memory" }

// Read reads the log; see [Log].
func (m *Memory) Read(ctx context.Context, from Place, fn func([]Item) error) error {
	at := bus.First()
	switch {
	case from.Known:
		at = bus.Offset(from.Next)
	case from.FromEnd:
		at = bus.Next()
	}
	d := newDecoder("", from.Mapping)
	next, known := from.Next, from.Known
	return m.transport.Tail(ctx, at, func(r bus.LogRecord) error {
		items := make([]Item, 0, 2)
		if known && r.Offset > next {
			items = append(items, Item{Kind: Gap, Offset: r.Offset, Reason: "dropped", Detail: "the log in memory dropped records before they were read"})
		}
		items = append(items, Item{})
		d.record(&r, &items[len(items)-1])
		next, known = r.Offset+1, true
		m.last.Store(next)
		return fn(items)
	})
}

// End returns the offset after the last record that was read.
func (m *Memory) End(context.Context) (uint64, error) { return m.last.Load(), nil }

// Append puts a record into the log.
func (m *Memory) Append(ctx context.Context, e event.Event) error {
	return m.transport.SendToLog(ctx, &bus.Message{Event: e, RoutingKey: e.Type, Info: m.transport.Info()})
}

// Lead leads at once, until ctx ends.
func (m *Memory) Lead(ctx context.Context, l Leadership) error {
	return l.Leads(ctx, memoryLease{m})
}

type memoryLease struct{ *Memory }

// Probe asks the transport.
func (l memoryLease) Probe(context.Context) error { return l.transport.Ready() }

// Blocked is never.
func (memoryLease) Blocked() string { return "" }

// Names of what would be streams on RabbitMQ.
const (
	memoryUnrouted = "memory.unrouted"
	memoryLost     = "memory.lost"
)

// strayLook is how often a broker in memory is asked for strays.
const strayLook = 50 * time.Millisecond

// Strays asks the broker, over and over.
func (m *Memory) Strays(ctx context.Context, after map[string]uint64, fn func(context.Context, record.Stray) error, evidence Evidence) error {
	evidence("unrouted", true, "in memory")
	evidence("lost", true, "in memory")
	boxes := []*box{
		{stream: memoryUnrouted, next: after[memoryUnrouted], shelf: membus.UnroutedShelf()},
		{stream: memoryLost, next: after[memoryLost], shelf: membus.LostShelf(), lost: true},
	}
	for ctx.Err() == nil {
		for _, b := range boxes {
			if err := b.tell(ctx, m.broker, fn); err != nil && ctx.Err() == nil {
				return err
			}
		}
		pause(ctx, strayLook)
	}
	return nil
}

// box is where a broker in memory keeps strays.
type box struct {
	stream string
	next   uint64
	lost   bool
	shelf  membus.Shelf
}

// tell tells of what is new in it. Some may have gone before they were seen:
// the oldest, or what a person has sent again.
func (b *box) tell(ctx context.Context, broker *membus.Broker, fn func(context.Context, record.Stray) error) error {
	for _, h := range broker.Held(b.shelf, b.next) {
		e := &h.Event
		if err := fn(ctx, record.Stray{
			EventID: e.ID, EventType: e.Type, FlowName: e.FlowName, FlowID: e.FlowID, Key: e.Subject,
			Service: h.Headers[bus.HeaderService], Stream: b.stream, Offset: h.Number, Lost: b.lost,
		}); err != nil {
			return err
		}
		b.next = h.Number + 1
	}
	return nil
}

// Look looks at queues until ctx ends.
func (m *Memory) Look(ctx context.Context, l Looking) error {
	l.Evidence("queues", true, "all there is to know, in memory")
	for ctx.Err() == nil {
		l.Saw(m.seen(l.Queues()))
		pause(ctx, lookOften)
	}
	return nil
}

func (m *Memory) seen(queues []ServiceQueue) []flow.QueueSeen {
	states := make(map[string]membus.QueueState)
	for _, s := range m.broker.Queues() {
		states[s.Service] = s
	}
	seen := make([]flow.QueueSeen, 0, len(queues))
	for _, q := range queues {
		s, there := states[q.Queue]
		seen = append(seen, flow.QueueSeen{
			Service: q.Service, Queue: q.Queue, Assumed: q.Assumed, Missing: !there,
			Ready: int64(s.Ready), Unacked: int64(s.Unacknowledged), Consumers: int64(s.Consumers),
			Bindings: s.Bindings, BindingsKnown: there,
		})
	}
	return seen
}

// Tap has nothing to bind.
func (m *Memory) Tap(ctx context.Context, _ func([]Bound)) error {
	<-ctx.Done()
	return nil
}
