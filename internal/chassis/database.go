package chassis

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/laban-io/laban/internal/database"
	"github.com/laban-io/laban/pkg/outbox"
)

// databaseOpener is [database.Open] in all but some tests.
type databaseOpener func(ctx context.Context, url string, opts ...database.Option) (*sql.DB, outbox.Dialect, error)

// pingTimeout bounds how long a database may take to answer at all.
const pingTimeout = 2 * time.Second

// ping asks the database for the simplest answer. A driver's own ping may do
// nothing, as that of SQLite does.
func ping(ctx context.Context, db *sql.DB) error {
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	var one int
	if err := db.QueryRowContext(ctx, "SELECT 1").Scan(&one); err != nil {
		return fmt.Errorf("the database does not answer: %w", err)
	}
	return nil
}

// connectDatabase opens the database, waiting for one that does not answer yet.
func (p *process) connectDatabase(ctx context.Context) error {
	var opts []database.Option
	if p.opts.TraceSQL && p.opts.TracerProvider != nil {
		opts = append(opts, database.WithTracing(p.opts.TracerProvider))
	}
	if p.opts.VolatileDatabase {
		opts = append(opts, database.Volatile())
	}
	return p.retry(ctx, checkDatabase, func() error {
		var err error
		p.db, p.dialect, err = p.opts.openDatabase(ctx, p.opts.DatabaseURL, opts...)
		// A file that can't be opened will not open by itself; a server may.
		final := errors.Is(err, database.ErrURL) || strings.HasPrefix(p.opts.DatabaseURL, "sqlite:")
		return permanentIf(final, err)
	})
}

// migrate applies the service's own migrations. It is part of starting: a
// failure is final unless the database has gone meanwhile.
func (p *process) migrate(ctx context.Context) error {
	return p.retry(ctx, checkDatabase, func() error {
		if p.spec.Migrations == nil {
			return nil
		}
		if err := database.Migrate(ctx, p.db, p.dialect, p.spec.Migrations); err != nil {
			err = fmt.Errorf("migrate the database: %w", err)
			return permanentIf(ping(ctx, p.db) == nil, err)
		}
		return nil
	})
}

// migrateOutbox makes the outbox's own tables, on the same terms.
func (p *process) migrateOutbox(ctx context.Context) error {
	return p.retry(ctx, checkDatabase, func() error {
		if err := p.outbox.Migrate(ctx); err != nil {
			err = fmt.Errorf("migrate the outbox: %w", err)
			return permanentIf(ping(ctx, p.db) == nil, err)
		}
		return nil
	})
}
