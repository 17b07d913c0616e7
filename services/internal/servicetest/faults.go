package servicetest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"

	"pgregory.net/rapid"

	"github.com/laban-io/laban/internal/chassis"
	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/pkg/outbox"
)

// Fault is how one step fails.
type Fault int

// The faults. To a service, each is like a crash at that point: what is not
// committed is gone, and the event comes again.
const (
	// None: the step succeeds.
	None Fault = iota
	// Before: the step fails without effect. A transaction is rolled back.
	Before
	// After: the step has its effect, and its caller is told that it failed.
	After
)

// ErrInjected is the error of a step that was made to fail.
var ErrInjected = errors.New("injected fault")

// Faults is a plan of which of the next steps fail. When it is used up, every
// step succeeds. It is safe for concurrent use.
type Faults struct {
	mu   sync.Mutex
	plan []Fault
}

// Plan replaces what is left of the plan.
func (f *Faults) Plan(plan ...Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.plan = plan
}

func (f *Faults) next() Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.plan) == 0 {
		return None
	}
	fault := f.plan[0]
	f.plan = f.plan[1:]
	return fault
}

// Step runs a step of the outside, such as a call to a payment provider, as the
// plan has it.
func Step[T any](f *Faults, step func() (T, error)) (T, error) {
	var nothing T
	switch f.next() {
	case Before:
		return nothing, fmt.Errorf("%w before the step", ErrInjected)
	case After:
		if _, err := step(); err != nil {
			return nothing, err
		}
		return nothing, fmt.Errorf("%w after the step", ErrInjected)
	default:
		return step()
	}
}

// DrawPlan draws a plan. What is drawn leans to the first of a list.
func DrawPlan(t *rapid.T) []Fault {
	return rapid.SliceOfN(rapid.SampledFrom([]Fault{After, None, Before, None}), 0, 12).Draw(t, "faults")
}

// faultyOutbox makes transactions fail as planned.
type faultyOutbox struct {
	chassis.Outbox
	faults *Faults
}

var _ chassis.Outbox = faultyOutbox{}

func (o faultyOutbox) Transact(ctx context.Context, fn func(context.Context, *sql.Tx) error) error {
	if _, joined := outbox.TxFrom(ctx); joined {
		return o.Outbox.Transact(ctx, fn)
	}
	_, err := Step(o.faults, func() (struct{}, error) { return struct{}{}, o.Outbox.Transact(ctx, fn) })
	return err
}

func (o faultyOutbox) Inbox() bus.Middleware {
	return func(next bus.Handler) bus.Handler {
		inbox := o.Outbox.Inbox()(next)
		return bus.HandlerFunc(func(ctx context.Context, e event.Event) error {
			_, err := Step(o.faults, func() (struct{}, error) { return struct{}{}, inbox.Handle(ctx, e) })
			return err
		})
	}
}
