package outbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
)

// Sender is what an outbox needs of a [bus.Bus].
type Sender interface {
	// Service returns the name of the service.
	Service() string
	// Prepare completes an event from ctx, so that it can be stored.
	Prepare(ctx context.Context, e event.Event) (*bus.Message, error)
	// Relay publishes what Prepare made, and calls done once.
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
	return &Outbox{db: db, dialect: dialect, sender: sender, cfg: cfg}, nil
}

// ErrNoTransaction: the context has no transaction of this outbox. Call it
// inside [Outbox.Transact], with the context given there.
var ErrNoTransaction = errors.New("no transaction in the context")

var errUnfinished = errors.New("outbox: not written yet")

// Migrate makes or updates the tables outbox and inbox.
func (o *Outbox) Migrate(ctx context.Context) error { return errUnfinished }

// Publish stores the events in the transaction of ctx. They are published
// after it has committed.
func (o *Outbox) Publish(ctx context.Context, events ...event.Event) error { return errUnfinished }

// Transact runs fn in a transaction. Its context carries the transaction; a
// nested call joins the outer one. fn may be called again if the transaction
// conflicts with another.
func (o *Outbox) Transact(ctx context.Context, fn func(ctx context.Context, tx *sql.Tx) error) error {
	return errUnfinished
}

// TxFrom returns the transaction that ctx is in.
func TxFrom(ctx context.Context) (*sql.Tx, bool) { return nil, false }

// Inbox makes the effects of a handler happen once.
func (o *Outbox) Inbox() bus.Middleware {
	return func(next bus.Handler) bus.Handler { return next }
}

// Accept notes in the transaction of ctx that e is handled, and tells whether
// this is the first time.
func (o *Outbox) Accept(ctx context.Context, e event.Event) (first bool, err error) {
	return false, errUnfinished
}

// Seen tells whether e was accepted before.
func (o *Outbox) Seen(ctx context.Context, e event.Event) (bool, error) { return false, errUnfinished }

// Run is the relay: it publishes stored events until ctx ends.
func (o *Outbox) Run(ctx context.Context) error { return errUnfinished }

// Stats describes what the outbox holds.
type Stats struct {
	// Backlog is how many rows are to be published, counted up to 100,000.
	Backlog int
	// Oldest is when the oldest of them was stored; zero if there is none.
	Oldest time.Time
	// Failed is how many rows are set aside, counted up to 100,000.
	Failed int
}

// Stats returns what the outbox holds.
func (o *Outbox) Stats(ctx context.Context) (Stats, error) { return Stats{}, errUnfinished }

// FailedRow is a row that was set aside, because it can't be published.
type FailedRow struct {
	Seq       int64
	EventID   string
	EventType string
	OrderKey  string
	Attempts  int
	Error     string
	CreatedAt time.Time
	FailedAt  time.Time
}

// Failed returns up to limit rows that are set aside, the oldest first.
func (o *Outbox) Failed(ctx context.Context, limit int) ([]FailedRow, error) {
	return nil, errUnfinished
}

// RetryFailed has the rows with the given event ids published again, or all
// that are set aside if none is given, and returns how many there were.
func (o *Outbox) RetryFailed(ctx context.Context, eventIDs ...string) (int, error) {
	return 0, errUnfinished
}
