package source

import (
	"context"
	"errors"
	"time"

	"github.com/laban-io/laban/internal/observer/record"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/pkg/flow"
)

// Log is a log to observe. Its methods are safe for concurrent use; those that
// take a function call it from one goroutine and return when their context has
// ended (nil), or where no retry can help (why).
type Log interface {
	// Stream is the log's name.
	Stream() string
	// Read calls fn with the items from a place on, some at a time, until fn
	// returns an error, which it then returns. The items are fn's to keep.
	Read(ctx context.Context, from Place, fn func([]Item) error) error
	// End returns the offset after the last record, 0 where there is none.
	End(ctx context.Context) (uint64, error)
	// Append puts a record into the log and returns when that is confirmed.
	Append(ctx context.Context, e event.Event) error
	// Lead tries to be the one observer that pulses. See [Leadership].
	Lead(ctx context.Context, l Leadership) error
	// Strays reports messages that nobody received, from those places on.
	// It says which of them can be seen.
	Strays(ctx context.Context, after map[string]uint64, fn func(context.Context, record.Stray) error, evidence Evidence) error
	// Look reports what queues look like, over and over.
	Look(ctx context.Context, l Looking) error
	// Tap binds exchanges to the log, and goes on looking for new ones.
	Tap(ctx context.Context, told func([]Bound)) error
}

// Leadership is told how leading goes.
type Leadership struct {
	// Wants tells whether to try to lead at all, now.
	Wants func() bool
	// Leads is called when this observer leads, with what it can pulse by. It
	// returns when the lease's context ends, which is when the connection is
	// lost. With an error, leading is given up for good.
	Leads func(ctx context.Context, l Lease) error
	// Waits is called, again and again, where another observer leads.
	Waits func()
	// Unreachable is called when there is no connection, with why.
	Unreachable func(err error)
}

// Lease is the right to pulse.
type Lease interface {
	// Append is as in [Log], on the connection that holds the right.
	Append(ctx context.Context, e event.Event) error
	// Probe returns when the broker takes messages, without leaving one.
	Probe(ctx context.Context) error
	// Blocked returns why the broker takes nothing from publishers, or "".
	Blocked() string
}

// ServiceQueue is a service and its queue. Assumed tells that nothing says that
// it is the service's but its name.
type ServiceQueue struct {
	Service, Queue string
	Assumed        bool
}

// Looking says which queues to look at.
type Looking struct {
	// Queues returns them; it is called before each look.
	Queues func() []ServiceQueue
	// Often tells whether to look often.
	Often func() bool
	// Saw takes what was seen. When something was counted is told by this
	// machine's clock.
	Saw func([]flow.QueueSeen)
	// Evidence is told what can be seen.
	Evidence Evidence
}

// Evidence is told whether a source of evidence can be read, and why it can't or
// what it adds.
type Evidence func(source string, available bool, detail string)

// Bound is what became of one tap.
type Bound struct {
	// Exchange is the exchange's name or pattern as configured, Bindings are how
	// it is bound now.
	Exchange string
	Bindings []string
	// Problem says why it is not bound, or what is doubtful.
	Problem string
}

// ErrUnknownEnd tells that nobody can say where the log ends.
var ErrUnknownEnd = errors.New("the end of the log can't be found")

// pause waits, unless ctx ends.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
