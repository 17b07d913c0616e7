package outbox

import (
	"context"
	"database/sql"
	"fmt"
	"sync/atomic"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
)

// Sender is what an outbox needs of a [bus.Bus].
type Sender interface {
	// Service returns the name of the service.
	Service() string
	// Prepare completes an event from ctx, so that it can be stored.
	Prepare(ctx context.Context, e event.Event) (*bus.Message, error)
	// Relay publishes what Prepare made, and calls done once, on any goroutine.
	// Both happen by the end of ctx, or soon after.
	Relay(ctx context.Context, m *bus.Message, done func(error))
}

var _ Sender = (*bus.Bus)(nil)

// Outbox keeps a service's events in its database until the broker has them,
// and remembers which events the service has handled. Make one with [New]. All
// methods are safe for concurrent use.
type Outbox struct {
	db      *sql.DB
	dialect Dialect
	sender  Sender
	cfg     Config

	gate    gate
	wake    chan struct{} // holds one signal that there may be rows
	running atomic.Bool

	published  atomic.Uint64
	duplicates atomic.Uint64
}

var _ bus.Publisher = (*Outbox)(nil)

// New returns the outbox of the service that sender speaks for, in db. Its
// tables are made by [Outbox.Migrate], its events published by [Outbox.Run].
func New(db *sql.DB, dialect Dialect, sender Sender, cfg Config) (*Outbox, error) {
	if dialect != PostgreSQL && dialect != SQLite {
		return nil, fmt.Errorf("outbox: %v is no dialect; use outbox.PostgreSQL or outbox.SQLite", dialect)
	}
	cfg.setDefaults(sender.Service())
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("outbox configuration: %w", err)
	}
	return &Outbox{
		db: db, dialect: dialect, sender: sender, cfg: cfg,
		gate: newGate(dialect), wake: make(chan struct{}, 1),
	}, nil
}

// signal wakes the relay of this process.
func (o *Outbox) signal() {
	select {
	case o.wake <- struct{}{}:
	default: // it will look anyway
	}
}
