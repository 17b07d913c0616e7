package choreographytest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
)

// journal is what the broker's log tells, by order.
type journal struct {
	mu      sync.Mutex
	orders  map[string][]event.Event // each event once
	known   map[string]bool          // by source and id
	dead    []string                 // messages that were parked, and why
	records int
	news    chan struct{} // closed and replaced at each record
}

func newJournal() *journal {
	return &journal{orders: make(map[string][]event.Event), known: make(map[string]bool), news: make(chan struct{})}
}

// follow reads the log until ctx ends.
func (j *journal) follow(ctx context.Context, t bus.Transport) error {
	return t.Tail(ctx, bus.First(), func(r bus.LogRecord) error {
		j.add(r)
		return nil
	})
}

func (j *journal) add(r bus.LogRecord) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.records++
	if r.Kind == bus.RecordDead {
		j.dead = append(j.dead, fmt.Sprintf("%s by %s: %s", r.Event.Type, r.Service, r.Error))
	}
	if id := r.Event.Source + "/" + r.Event.ID; r.Kind == bus.RecordEvent && !j.known[id] {
		j.known[id] = true
		j.orders[r.Event.Subject] = append(j.orders[r.Event.Subject], r.Event)
	}
	close(j.news)
	j.news = make(chan struct{})
}

// of returns what the log has of an order, in its order.
func (j *journal) of(orderID string) []event.Event {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]event.Event(nil), j.orders[orderID]...)
}

// all returns the ids of all orders.
func (j *journal) all() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Collect(maps.Keys(j.orders))
}

func (j *journal) history(orderID string) history {
	h := make(history)
	for _, e := range j.of(orderID) {
		h[e.Type]++
	}
	return h
}

// count returns how many records the log has.
func (j *journal) count() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.records
}

func (j *journal) parked() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]string(nil), j.dead...)
}

// changed returns a channel that is closed at the next record.
func (j *journal) changed() <-chan struct{} {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.news
}

// patience is how long anything in these tests may take.
const patience = 60 * time.Second

// until waits for something to be so, and looks at each record of the log.
func (j *journal) until(t require.TestingT, what string, so func() bool) {
	deadline := time.After(patience)
	for {
		news := j.changed()
		if so() {
			return
		}
		select {
		case <-news:
		case <-deadline:
			require.Fail(t, "waited in vain", "for %s; parked: %v", what, j.parked())
		}
	}
}

// untilHas waits for an order to have an event of a type.
func (j *journal) untilHas(t require.TestingT, orderID, eventType string) {
	j.until(t, eventType+" of order "+orderID, func() bool { return j.history(orderID)[eventType] > 0 })
}

// untilSettled waits for nothing to be owed in any of the orders.
func (j *journal) untilSettled(t require.TestingT, orderIDs ...string) {
	for _, id := range orderIDs {
		j.until(t, fmt.Sprintf("order %s to settle", id), func() bool { return j.history(id).settled() })
	}
}

func TestTheJournalCountsAnEventOnce(t *testing.T) {
	j := newJournal()
	e := event.New("order.placed", nil).WithSubject("1042")
	e.ID, e.Source = "e1", "order"
	for range 2 {
		j.add(bus.LogRecord{Kind: bus.RecordEvent, Message: bus.Message{Event: e}})
	}
	e.Source = "another"
	j.add(bus.LogRecord{Kind: bus.RecordEvent, Message: bus.Message{Event: e}})
	require.Equal(t, history{"order.placed": 2}, j.history("1042"))
}
