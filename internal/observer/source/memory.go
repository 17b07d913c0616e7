package source

import (
	"context"
	"sync/atomic"

	"github.com/laban-io/laban/internal/observer/record"
	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/pkg/flow"
)

// Memory is a log that a transport has in memory. There is one observer, and
// nothing to be tapped. Queues are looked at by the function that is given.
type Memory struct {
	transport bus.Transport
	look      func([]ServiceQueue) []flow.QueueSeen
	last      atomic.Uint64 // the offset after the last record that was read
}

var _ Log = (*Memory)(nil)

// NewMemory returns the log of a transport. look may be nil.
func NewMemory(t bus.Transport, look func([]ServiceQueue) []flow.QueueSeen) *Memory {
	return &Memory{transport: t, look: look}
}

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

// Strays waits: memory tells of none.
func (m *Memory) Strays(ctx context.Context, _ map[string]uint64, _ func(context.Context, record.Stray) error) error {
	<-ctx.Done()
	return nil
}

// Look looks at queues until ctx ends.
func (m *Memory) Look(ctx context.Context, l Looking) error {
	if m.look == nil {
		<-ctx.Done()
		return nil
	}
	l.Evidence("queues", true, "in memory")
	for ctx.Err() == nil {
		l.Saw(m.look(l.Queues()))
		pause(ctx, lookOften)
	}
	return nil
}

// Tap has nothing to bind.
func (m *Memory) Tap(ctx context.Context, _ func([]Bound)) error {
	<-ctx.Done()
	return nil
}
