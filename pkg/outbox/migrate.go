package outbox

import (
	"context"
	"embed"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"

	"github.com/laban-io/laban/internal/migration"
)

//go:embed migrations
var migrations embed.FS

// versionTable is where it is noted which migrations the outbox has had, apart
// from those of the service.
const versionTable = "outbox_version"

// Migrate makes the tables outbox and inbox, or brings them up to date. Several
// processes may call it at a time.
func (o *Outbox) Migrate(ctx context.Context) error {
	dir, dialect := "migrations/postgresql", goose.DialectPostgres
	if o.dialect == SQLite {
		dir, dialect = "migrations/sqlite", goose.DialectSQLite3
	}
	files, err := fs.Sub(migrations, dir)
	if err != nil {
		return fmt.Errorf("outbox: %w", err)
	}
	if err := migration.Up(ctx, o.db, dialect, files, versionTable); err != nil {
		return fmt.Errorf("outbox: %w", err)
	}
	return nil
}
