// Package database opens and migrates a service's database, PostgreSQL or
// SQLite.
package database

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"

	"github.com/laban-io/laban/pkg/outbox"
)

// Option adjusts [Open].
type Option interface{ apply(*options) }

type options struct{}

// Open opens the database that url names: "postgres://…", "sqlite:path" or
// "sqlite::memory:".
func Open(ctx context.Context, url string, opts ...Option) (*sql.DB, outbox.Dialect, error) {
	return nil, 0, errors.New("database: not written yet")
}

// MigrateOption adjusts [Migrate].
type MigrateOption interface{ applyMigrate(*migrateOptions) }

type migrateOptions struct{}

// Migrate brings the database's schema up to date with the SQL files in fsys.
func Migrate(ctx context.Context, db *sql.DB, dialect outbox.Dialect, fsys fs.FS, opts ...MigrateOption) error {
	return errors.New("database: not written yet")
}
