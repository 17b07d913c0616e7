package outbox

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"

	"github.com/laban-io/laban/pkg/event"
)

// Run is the relay: it publishes what is stored, until ctx ends. Then it goes
// on for at most [Config.DrainTimeout], or until everything is published that
// was committed by then, or until the broker can't be reached, and returns nil.
// A broker or a database that is away is waited for.
//
// Several processes may run a relay on one database: each row is in the hands
// of one of them. Run also removes what is kept no longer, see
// [Config.KeepInbox] and [Config.KeepPublished].
//
// It fails with [ErrRunning] if it runs already, and with [ErrNotMigrated].
func (o *Outbox) Run(ctx context.Context) error {
	if !o.running.CompareAndSwap(false, true) {
		return ErrRunning
	}
	defer o.running.Store(false)
	if err := o.checkTables(ctx); err != nil {
		return err
	}
	var others sync.WaitGroup
	defer others.Wait()
	others.Go(func() { o.cleanUp(ctx) })
	if o.dialect == PostgreSQL {
		others.Go(func() { o.listen(ctx) })
	}
	newRelay(o, &sqlStore{outbox: o, token: event.NewID()}).run(ctx)
	return nil
}

// checkTables fails only if the database answers and has no tables.
func (o *Outbox) checkTables(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, turnTimeout)
	defer cancel()
	_, err := o.db.ExecContext(ctx, "SELECT 1 FROM outbox WHERE seq < 0")
	var pg *pgconn.PgError
	var lite *sqlite.Error
	if errors.As(err, &pg) && pg.Code == pgUndefinedTable ||
		errors.As(err, &lite) && lite.Code() == sqliteError && strings.Contains(lite.Error(), "no such table") {
		return fmt.Errorf("%w: %w", ErrNotMigrated, err)
	}
	return nil
}
