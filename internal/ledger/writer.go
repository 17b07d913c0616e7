package ledger

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"github.com/laban-io/laban/pkg/outbox"
)

// writeTimeout bounds a transaction, where the caller's context allows more.
const writeTimeout = 2 * time.Minute

// writer is a transaction.
type writer interface {
	// insert writes n rows. It calls row for each, in order, to append the
	// row's values.
	insert(ctx context.Context, t *table, n int, row func(i int, to []any) ([]any, error)) error
	// exec runs a statement and returns how many rows it has changed.
	exec(ctx context.Context, query string, args ...any) (int64, error)
	// row runs a query for one row.
	row(ctx context.Context, query string, args []any, to ...any) error
}

// connection is the one that writes. Its statements stay prepared.
type connection interface {
	// transact runs fn in a transaction. The error is an *inDoubt where nobody
	// can say whether it was committed.
	transact(ctx context.Context, fn func(writer) error) error
	// close closes the connection, and with broken set for good: the pool must
	// not give it to anybody else.
	close(broken bool) error
}

// inDoubt is a commit whose answer was lost.
type inDoubt struct{ err error }

func (e *inDoubt) Error() string { return "the answer to the commit was lost: " + e.err.Error() }
func (e *inDoubt) Unwrap() error { return e.err }

// write runs fn in a transaction. There is one at a time. After an error that
// is not the caller's own a new connection is made for the next one.
func (l *Ledger) write(ctx context.Context, fn func(writer) error) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if l.closed {
		return errClosed
	}
	if l.conn == nil {
		conn, err := l.connect(ctx)
		if err != nil {
			return fmt.Errorf("connect to the ledger: %w", err)
		}
		l.conn = conn
	}
	err := l.conn.transact(ctx, fn)
	if err != nil && !errors.Is(err, ErrConflict) {
		broken := l.conn
		l.conn = nil
		// What closing says helps nobody: the connection is given up for err.
		_ = broken.close(true)
	}
	return err
}

var errClosed = errors.New("the ledger is closed")

func (l *Ledger) connect(ctx context.Context) (connection, error) {
	conn, err := l.db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	if l.dialect == outbox.PostgreSQL {
		return &pgConnection{conn: conn, staged: make(map[string]bool)}, nil
	}
	return newLiteConnection(ctx, conn)
}

// release gives a connection back to its pool, or closes it if it is broken.
func release(conn *sql.Conn, broken bool) error {
	if broken {
		err := conn.Raw(func(any) error { return driver.ErrBadConn })
		if errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) {
			err = nil
		}
		if closing := conn.Close(); !errors.Is(closing, sql.ErrConnDone) {
			err = errors.Join(err, closing)
		}
		return err
	}
	return conn.Close()
}
