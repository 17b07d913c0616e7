package database

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	driversqlite "modernc.org/sqlite"

	"github.com/laban-io/laban/pkg/outbox"
)

// busyTimeout is how long, in milliseconds, a writer waits for the other one.
const busyTimeout = "5000"

// sqlite returns the database in a file, or in none: ":memory:" is a file of
// its own in the directory for temporary files, removed when it is closed.
// SQLite's own memory databases would make readers wait for the writer, and a
// program that is right with a file could deadlock.
func sqlite(path string, o *options) (source, error) {
	if path == ":memory:" {
		return sqliteTemporary(o)
	}
	path = strings.TrimPrefix(path, "//")
	if path == "" {
		return source{}, fmt.Errorf("%w: sqlite: needs a path, as in sqlite:orders.db, or sqlite::memory: for none", ErrURL)
	}
	full, err := filepath.Abs(path)
	if err != nil {
		return source{}, fmt.Errorf("%w: path of the SQLite file: %w", ErrURL, err)
	}
	return source{
		dialect:   outbox.SQLite,
		connector: sqliteConnector{dsn: sqliteDSN(full, o)},
		name:      "SQLite file " + path,
		system:    "sqlite",
		namespace: filepath.Base(path),
	}, nil
}

func sqliteTemporary(o *options) (source, error) {
	if o.readOnly {
		return source{}, fmt.Errorf("%w: sqlite::memory: is a database of its own, so there is nothing to read in it", ErrURL)
	}
	dir, err := os.MkdirTemp("", "laban-sqlite-*")
	if err != nil {
		return source{}, fmt.Errorf("directory for a temporary SQLite database: %w", err)
	}
	return source{
		dialect:   outbox.SQLite,
		connector: temporary{sqliteConnector{dsn: sqliteDSN(filepath.Join(dir, "memory.db"), &options{volatile: true})}, dir},
		name:      "temporary SQLite database",
		system:    "sqlite",
		namespace: ":memory:",
	}, nil
}

// sqliteDSN returns the driver's name for a file. Every transaction takes the
// write lock when it begins: one that took it later could find that what it
// has read is outdated, and only starting over would help.
func sqliteDSN(path string, o *options) string {
	synchronous := "FULL"
	switch {
	case o.volatile:
		synchronous = "OFF"
	case o.relaxed:
		synchronous = "NORMAL"
	}
	values := url.Values{
		"_txlock":       {"immediate"},
		"_busy_timeout": {busyTimeout},
		"_journal_mode": {"WAL"},
		"_synchronous":  {synchronous},
		"_foreign_keys": {"on"},
		"_dqs":          {"false"},
	}
	if o.readOnly {
		// Not SQLite's own mode "ro": that could not make the files which readers
		// of a WAL share where the writer is gone.
		values.Set("mode", "rw")
		values.Set("_txlock", "deferred")
		values.Set("_pragma", "query_only(1)")
	}
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: values.Encode()}).String()
}

// sqliteConnector makes connections with the driver that package modernc.org/sqlite
// registers.
type sqliteConnector struct{ dsn string }

func (c sqliteConnector) Connect(context.Context) (driver.Conn, error) {
	conn, err := c.Driver().Open(c.dsn)
	if err != nil {
		return nil, err
	}
	return newCachingConn(conn)
}

func (c sqliteConnector) Driver() driver.Driver { return &driversqlite.Driver{} }

// temporary is a connector whose database goes when the pool is closed.
type temporary struct {
	sqliteConnector
	dir string
}

// Close is called by [database/sql.DB.Close] when all connections are closed.
func (t temporary) Close() error { return os.RemoveAll(t.dir) }

// remedy says what to look at where a file can't be opened, after a semicolon, or
// nothing.
//
// Source: SQLite, "Result and Error Codes", primary codes 14 and 26.
func remedy(err error) string {
	const cantOpen, notADatabase, primary = 14, 26, 0xff
	var lite *driversqlite.Error
	if !errors.As(err, &lite) {
		return ""
	}
	switch lite.Code() & primary {
	case cantOpen:
		return "; is its directory there, and may this user write in it?"
	case notADatabase:
		return "; name another file, this one is something else's"
	default:
		return ""
	}
}
