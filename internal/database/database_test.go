package database_test

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/database"
	"github.com/laban-io/laban/internal/testenv"
	"github.com/laban-io/laban/pkg/outbox"
)

func open(t *testing.T, url string, opts ...database.Option) (*sql.DB, outbox.Dialect) {
	t.Helper()
	db, dialect, err := database.Open(t.Context(), url, opts...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db, dialect
}

func pragma(t *testing.T, db *sql.DB, name string) (value string) {
	t.Helper()
	require.NoError(t, db.QueryRow("PRAGMA "+name).Scan(&value))
	return value
}

func TestSQLiteFileIsDurableAndChecked(t *testing.T) {
	// A name that would be read as part of the driver's parameters.
	path := filepath.Join(t.TempDir(), "a b?_txlock=deferred#100%&_pragma=x.db")
	db, dialect := open(t, "sqlite:"+path)
	require.Equal(t, outbox.SQLite, dialect)
	require.Equal(t, "wal", pragma(t, db, "journal_mode"))
	require.Equal(t, "2", pragma(t, db, "synchronous"), "FULL")
	require.Equal(t, "1", pragma(t, db, "foreign_keys"))
	require.Equal(t, "5000", pragma(t, db, "busy_timeout"))
	_, err := db.Exec("CREATE TABLE t (x TEXT)")
	require.NoError(t, err)
	_, err = os.Stat(path)
	require.NoError(t, err, "the file is where it was asked to be")
	_, err = db.Exec(`SELECT "no_such_column" FROM t`)
	require.Error(t, err, "a misspelt column is not taken for text")
}

func TestSQLiteTransactionsTakeTheWriteLockAtOnce(t *testing.T) {
	db, _ := open(t, "sqlite:"+filepath.Join(t.TempDir(), "x.db"))
	first, err := db.Begin()
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err = db.BeginTx(ctx, nil)
	require.Error(t, err, "there is one writer")
	require.NoError(t, first.Rollback())
	second, err := db.Begin()
	require.NoError(t, err)
	require.NoError(t, second.Rollback())
}

func TestVolatileSQLiteDoesNotWaitForTheDisk(t *testing.T) {
	db, _ := open(t, "sqlite:"+filepath.Join(t.TempDir(), "x.db"), database.Volatile())
	require.Equal(t, "0", pragma(t, db, "synchronous"), "OFF")
}

func TestSQLitePathForms(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for _, url := range []string{"sqlite:relative.db", "sqlite:" + dir + "/absolute.db", "sqlite://" + dir + "/slashes.db"} {
		db, _ := open(t, url)
		_, err := db.Exec("CREATE TABLE t (x TEXT)")
		require.NoError(t, err)
		_, err = os.Stat(filepath.Join(dir, filepath.Base(strings.TrimPrefix(url, "sqlite:"))))
		require.NoError(t, err)
	}
}

func TestMemoryDatabaseBehavesAsAFile(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	db, dialect, err := database.Open(t.Context(), "sqlite::memory:")
	require.NoError(t, err)
	require.Equal(t, outbox.SQLite, dialect)
	_, err = db.Exec("CREATE TABLE t (x TEXT)")
	require.NoError(t, err)
	other, _ := open(t, "sqlite::memory:")
	_, err = other.Exec("SELECT * FROM t")
	require.Error(t, err, "each is its own")

	tx, err := db.Begin()
	require.NoError(t, err)
	_, err = tx.Exec("INSERT INTO t (x) VALUES ('1')")
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	var n int
	require.NoError(t, db.QueryRowContext(ctx, "SELECT count(*) FROM t").Scan(&n), "a reader does not wait for the writer")
	require.Zero(t, n)
	require.NoError(t, tx.Commit())

	require.NoError(t, db.Close())
	require.NoError(t, other.Close())
	left, err := os.ReadDir(temp)
	require.NoError(t, err)
	require.Empty(t, left, "nothing is left behind")
}

func TestPostgreSQL(t *testing.T) {
	db, dialect := open(t, testenv.PostgreSQL(t))
	require.Equal(t, outbox.PostgreSQL, dialect)
	require.Equal(t, 16, db.Stats().MaxOpenConnections, "the pool is bounded")
	var n int
	require.NoError(t, db.QueryRow("SELECT $1::int + $1::int", 21).Scan(&n))
	require.Equal(t, 42, n)
}

func TestConcurrentUse(t *testing.T) {
	for name, address := range map[string]func(testing.TB) string{
		"SQLite":     func(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "x.db") },
		"PostgreSQL": testenv.PostgreSQL,
	} {
		t.Run(name, func(t *testing.T) {
			db, _ := open(t, address(t))
			_, err := db.Exec("CREATE TABLE t (x INTEGER)")
			require.NoError(t, err)
			var group sync.WaitGroup
			for range 30 { // more than there are connections
				group.Go(func() {
					if _, err := db.Exec("INSERT INTO t (x) VALUES ($1)", 1); err != nil {
						t.Error(err)
					}
				})
			}
			group.Wait()
			var n int
			require.NoError(t, db.QueryRow("SELECT count(*) FROM t").Scan(&n))
			require.Equal(t, 30, n)
		})
	}
}

func TestUnusableURLsAreRefused(t *testing.T) {
	for _, bad := range []string{
		"", "orders.db", "mysql://root:s3cret@db/orders", "s3cret", "sqlite:", "sqlite://",
		"postgres://user:s3cret@host:port/db",
		"postgres://user:s3cret%zz@host/db",
		"postgres://user:s3c/ret@host:5432/db?sslmode=s3cret",
		"postgres://user@host/db?password=s3cret&port=x",
		"postgres://us er:s3cret@[::1/db",
	} {
		_, _, err := database.Open(t.Context(), bad)
		require.ErrorIs(t, err, database.ErrURL, "%q", bad)
		requireNoSecret(t, err)
	}
}

func requireNoSecret(t *testing.T, err error) {
	t.Helper()
	require.NotContains(t, fmt.Sprintf("%v %+v %q", err, err, err), "s3c")
}

func TestErrorsOfConnectingShowNoPassword(t *testing.T) {
	// A server that hangs up, an address where there is none, and a real server
	// that does not know the user.
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_ = conn.Close()
		}
	}()
	defer func() { _ = listener.Close(); <-done }()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, closed.Close())

	urls := []string{
		"postgres://user:s3cret@" + listener.Addr().String() + "/db?sslmode=disable",
		"postgres://user:s3cret@" + closed.Addr().String() + "/db",
		"postgres://" + closed.Addr().String() + "/db?user=u&password=s3cret",
	}
	if !testing.Short() {
		u, err := url.Parse(testenv.PostgreSQL(t))
		require.NoError(t, err)
		u.User = url.UserPassword("nobody_known", "s3cret")
		urls = append(urls, u.String())
	}
	for _, address := range urls {
		_, _, err := database.Open(t.Context(), address)
		require.Error(t, err)
		require.NotErrorIs(t, err, database.ErrURL, "it may work later")
		requireNoSecret(t, err)
		require.Contains(t, err.Error(), "PostgreSQL database", "it says what could not be opened")
	}
}

func TestOpenIsBounded(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") // accepts and says nothing
	require.NoError(t, err)
	defer listener.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, _, err = database.Open(ctx, "postgres://u:s3cret@"+listener.Addr().String()+"/db")
	require.Error(t, err)
	requireNoSecret(t, err)
	require.Less(t, time.Since(start), 9*time.Second)
}

func TestUnusableFileIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "no", "such", "folder", "x.db")
	_, _, err := database.Open(t.Context(), "sqlite:"+path)
	require.ErrorContains(t, err, path)
}

func TestAFileThatCannotBeOpenedIsExplained(t *testing.T) {
	dir := t.TempDir()
	_, _, err := database.Open(t.Context(), "sqlite:"+filepath.Join(dir, "missing", "ledger.db"))
	require.ErrorContains(t, err, "unable to open database file (14); is its directory there, and may this user write in it?")

	other := filepath.Join(dir, "letter.txt")
	require.NoError(t, os.WriteFile(other, []byte(strings.Repeat("Dear Ada, this is no database. ", 100)), 0o600))
	_, _, err = database.Open(t.Context(), "sqlite:"+other)
	require.ErrorContains(t, err, "file is not a database (26); name another file, this one is something else's")
}
