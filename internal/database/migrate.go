package database

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"

	"github.com/laban-io/laban/internal/migration"
	"github.com/laban-io/laban/pkg/outbox"
)

// MigrateOption adjusts [Migrate].
type MigrateOption interface{ applyMigrate(*migrateOptions) }

type migrateOptions struct{ versionTable string }

type migrateOptionFunc func(*migrateOptions)

func (f migrateOptionFunc) applyMigrate(o *migrateOptions) { f(o) }

// VersionTable names the table in which it is noted which migrations were
// applied. Default: "goose_db_version". Two sets of migrations in one database
// need one each.
func VersionTable(name string) MigrateOption {
	return migrateOptionFunc(func(o *migrateOptions) { o.versionTable = name })
}

// Migrate applies the SQL files in the root of fsys that db has not had, in
// the order of their numbers: 00001_orders.sql and so on, with goose's "-- +goose
// Up". Each is one transaction. Several processes may migrate at a time.
func Migrate(ctx context.Context, db *sql.DB, dialect outbox.Dialect, fsys fs.FS, opts ...MigrateOption) error {
	o := migrateOptions{versionTable: goose.DefaultTablename}
	for _, opt := range opts {
		opt.applyMigrate(&o)
	}
	switch dialect {
	case outbox.PostgreSQL:
		return migration.Up(ctx, db, goose.DialectPostgres, fsys, o.versionTable)
	case outbox.SQLite:
		return migration.Up(ctx, db, goose.DialectSQLite3, fsys, o.versionTable)
	default:
		return fmt.Errorf("migrate: %v is no dialect; use the one that Open returned", dialect)
	}
}
