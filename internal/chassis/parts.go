package chassis

import (
	"context"
	"database/sql"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/pkg/outbox"
)

// Parts are what a service is built from. They belong to the chassis, which
// closes them when the service has ended.
type Parts struct {
	// DB is the service's own database, migrated.
	DB *sql.DB
	// Dialect is the kind of database that DB is.
	Dialect outbox.Dialect
	// Bus is where the service registers its handlers. To publish together with
	// a change in the database, publish on Outbox.
	Bus *bus.Bus
	// Outbox publishes what is committed, and makes effects happen once.
	Outbox Outbox
	// Logger is the service's.
	Logger *slog.Logger
	// Metrics takes collectors of the service's own.
	Metrics prometheus.Registerer
	// Version is the service's version.
	Version string
}

var _ Outbox = (*outbox.Outbox)(nil)

// Outbox is what a service uses of package outbox. It is an interface so that
// tests can put failures between a service and its commits.
type Outbox interface {
	// Publish stores events in the transaction of ctx; they are published when
	// it is committed. Without a transaction it is an error.
	bus.Publisher
	// Transact runs fn in a transaction that is also in fn's context, and
	// commits it if fn returns nil. Inside another Transact it joins that one.
	Transact(ctx context.Context, fn func(ctx context.Context, tx *sql.Tx) error) error
	// Inbox is middleware that runs the handler in a Transact, once for each
	// event: for one that was handled before it does nothing.
	Inbox() bus.Middleware
	// Accept records, inside a Transact, that e was handled, and tells whether
	// this was the first time: what Inbox does, for a handler that calls the
	// outside between transactions.
	Accept(ctx context.Context, e event.Event) (first bool, err error)
	// Seen tells whether e was handled before.
	Seen(ctx context.Context, e event.Event) (bool, error)
}
