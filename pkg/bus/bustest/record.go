package bustest

import (
	"context"
	"sync"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
)

// record is what a service's handler was called with, in order.
type record struct {
	s  *stage
	mu sync.Mutex
	// calls are in the order in which handlers began.
	calls []call
}

// call is one call of a handler.
type call struct {
	event.Event
	headers     map[string]string
	exchange    string
	routingKey  string
	queue       string
	attempt     int
	redelivered bool
	at          time.Time
}

func (s *stage) record() *record { return &record{s: s} }

// add notes a call.
func (r *record) add(ctx context.Context, e event.Event) call {
	d := bus.DeliveryFrom(ctx)
	c := call{
		Event: e.Clone(), headers: d.Headers, exchange: d.Exchange, routingKey: d.RoutingKey,
		queue: d.Queue, attempt: d.Attempt, redelivered: d.Redelivered, at: time.Now(),
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = append(r.calls, c)
	return c
}

// handle is a handler that notes the call and succeeds.
func (r *record) handle(ctx context.Context, e event.Event) error {
	r.add(ctx, e)
	return nil
}

// failing is a handler that notes the call and returns what fail says.
func (r *record) failing(fail func(call) error) bus.HandlerFunc {
	return func(ctx context.Context, e event.Event) error { return fail(r.add(ctx, e)) }
}

// all returns the calls so far.
func (r *record) all() []call {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]call(nil), r.calls...)
}

// wait waits for at least n calls and returns them.
func (r *record) wait(n int) []call {
	r.s.Helper()
	r.s.eventually(func() bool { return len(r.all()) >= n }, "%d handler calls", n)
	return r.all()
}

// until waits for a call with the given event and returns all calls.
func (r *record) until(id string) []call {
	r.s.Helper()
	r.s.eventually(func() bool { return contains(r.all(), id) }, "a handler call with event %s", id)
	return r.all()
}

func contains(calls []call, id string) bool {
	for _, c := range calls {
		if c.ID == id {
			return true
		}
	}
	return false
}

// hold keeps a handler until the test releases it, or its time is over.
func hold(ctx context.Context, release <-chan struct{}) error {
	select {
	case <-release:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// ids returns the ids of calls, in order.
func ids(calls []call) []string {
	all := make([]string, len(calls))
	for i, c := range calls {
		all[i] = c.ID
	}
	return all
}

// made returns an event of the given type with an id, so that it can be told
// apart.
func made(typ string) event.Event {
	e := event.New(typ, map[string]string{"order": "1042"})
	e.ID = event.NewID()
	return e
}

// sameEvent requires that an event arrived as it was sent.
func (s *stage) sameEvent(want, got event.Event, what string) {
	s.Helper()
	diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.IgnoreUnexported(event.Event{}))
	require.Empty(s, diff, "%s (-sent +received)", what)
}
