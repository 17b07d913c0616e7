// Package migration brings a database's schema up to date with a directory of
// SQL files, by goose. It is shared by package database, for a service's own
// tables, and package outbox, for its two.
package migration

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// lockSeconds is how long one process waits for another to finish migrating.
const lockSeconds = 300

// sqliteTries is how often migrating SQLite is tried, see [Up].
const sqliteTries = 5

// Up applies the migrations in fsys that db has not had, each in a transaction
// of its own, and notes them in the table named table. Several processes may
// call it at a time: on PostgreSQL they take turns by an advisory lock. SQLite
// has none, so whoever loses the race finds a table or a version that is there
// already; it looks again, a bounded number of times.
func Up(ctx context.Context, db *sql.DB, dialect goose.Dialect, fsys fs.FS, table string) error {
	options := []goose.ProviderOption{goose.WithTableName(table)}
	tries := uint(sqliteTries)
	if dialect == goose.DialectPostgres {
		locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, lockSeconds))
		if err != nil {
			return fmt.Errorf("migration lock: %w", err)
		}
		options, tries = append(options, goose.WithSessionLocker(locker)), 1
	}
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		return struct{}{}, up(ctx, db, dialect, fsys, options)
	}, backoff.WithMaxTries(tries), backoff.WithBackOff(delays()))
	if err != nil {
		return fmt.Errorf("apply migrations (versions in table %s): %w", table, err)
	}
	return nil
}

func up(ctx context.Context, db *sql.DB, dialect goose.Dialect, fsys fs.FS, options []goose.ProviderOption) error {
	provider, err := goose.NewProvider(dialect, db, fsys, options...)
	if err != nil {
		return backoff.Permanent(err)
	}
	_, err = provider.Up(ctx)
	var partial *goose.PartialError
	if errors.As(err, &partial) && partial.Failed != nil && partial.Failed.Source != nil {
		return fmt.Errorf("%s failed: %w", path.Base(partial.Failed.Source.Path), err)
	}
	return err
}

func delays() backoff.BackOff {
	d := backoff.NewExponentialBackOff()
	d.InitialInterval, d.MaxInterval = 10*time.Millisecond, 200*time.Millisecond
	return d
}
