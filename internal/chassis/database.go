package chassis

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/laban-io/laban/internal/database"
	"github.com/laban-io/laban/pkg/outbox"
)

// databaseOpener opens a database; [database.Open] in all but some tests.
type databaseOpener func(ctx context.Context, url string) (*sql.DB, outbox.Dialect, error)

func openDatabase(ctx context.Context, url string) (*sql.DB, outbox.Dialect, error) {
	return database.Open(ctx, url)
}

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

// connectDatabase opens the database, waiting for one that does not answer
// yet, and brings its tables up to date.
func (p *process) connectDatabase(ctx context.Context) error {
	return p.retry(ctx, checkDatabase, func() error {
		openCtx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		db, dialect, err := p.opts.openDatabase(openCtx, p.opts.DatabaseURL)
		if err != nil {
			// A file that can't be opened will not open by itself; a server may.
			return permanentIf(dialectOf(p.opts.DatabaseURL) == outbox.SQLite, err)
		}
		if err := ping(openCtx, db); err != nil {
			_ = db.Close()
			return err
		}
		p.db, p.dialect = db, dialect
		return nil
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

// dialectOf tells from its URL what a database is, before it is opened.
func dialectOf(url string) outbox.Dialect {
	const sqlite = "sqlite:"
	if len(url) >= len(sqlite) && url[:len(sqlite)] == sqlite {
		return outbox.SQLite
	}
	return outbox.PostgreSQL
}
