package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/laban-io/laban/pkg/outbox"
)

// ErrURL is wrapped by the errors of [Open] that only another URL can mend.
var ErrURL = errors.New("not a database URL")

// openTimeout bounds how long the first answer of a database may take, where
// the caller's context allows more.
const openTimeout = 10 * time.Second

// Bounds of the connection pool. A relay keeps two connections for itself: one
// that listens for notifications and one that works.
const (
	maxOpenConns    = 16
	maxIdleConns    = 8
	connMaxIdleTime = 5 * time.Minute
	connMaxLifetime = time.Hour
)

// Open opens the database that url names and asks it for an answer:
//
//	postgres://user:password@host:5432/name?sslmode=verify-full
//	sqlite:path/to/file.db      a file, made where there is none
//	sqlite::memory:             a database of its own, gone when it is closed
//
// Its errors contain no password. Close the database when done.
func Open(ctx context.Context, url string, opts ...Option) (*sql.DB, outbox.Dialect, error) {
	var o options
	for _, opt := range opts {
		opt.apply(&o)
	}
	source, err := parse(url, &o)
	if err != nil {
		return nil, 0, err
	}
	db := o.open(source)
	db.SetMaxOpenConns(maxOpenConns)
	db.SetMaxIdleConns(maxIdleConns)
	db.SetConnMaxIdleTime(connMaxIdleTime)
	db.SetConnMaxLifetime(connMaxLifetime)

	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	// A ping would not do: the driver of SQLite answers it without looking.
	var one int
	if err := db.QueryRowContext(ctx, "SELECT 1").Scan(&one); err != nil {
		return nil, 0, errors.Join(fmt.Errorf("open %s: %w%s", source.name, err, remedy(err)), db.Close())
	}
	return db, source.dialect, nil
}

func parse(url string, o *options) (source, error) {
	scheme, rest, _ := strings.Cut(url, ":")
	switch scheme {
	case "postgres", "postgresql":
		return postgreSQL(url, o)
	case "sqlite":
		return sqlite(rest, o)
	default:
		// Not even the scheme is repeated: it may be a password.
		return source{}, fmt.Errorf("%w: it must start with postgres:// or sqlite: to be one", ErrURL)
	}
}
