package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/laban-io/laban/internal/database"
	"github.com/laban-io/laban/pkg/outbox"
)

// Reader answers questions, beside an observer that writes. It is safe for
// concurrent use.
type Reader struct {
	db      *sql.DB
	dialect outbox.Dialect
}

// OpenReader opens a ledger that is there, for reading only. Close it when done.
func OpenReader(ctx context.Context, url string) (*Reader, error) {
	db, dialect, err := database.Open(ctx, url, database.ReadOnly())
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	r := &Reader{db: db, dialect: dialect}
	if _, err := r.Head(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("this is not the database of an observer, or an observer has yet to open it: %w", err), db.Close())
	}
	return r, nil
}

// Close closes the reader.
func (r *Reader) Close() error { return r.db.Close() }

// querier is a pool, or one connection of it.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// snapshot runs fn on one state of the database, whatever is committed
// meanwhile.
func (r *Reader) snapshot(ctx context.Context, fn func(querier) error) (err error) {
	conn, err := r.db.Conn(ctx)
	if err != nil {
		return err
	}
	begin := "BEGIN DEFERRED"
	if r.dialect == outbox.PostgreSQL {
		begin = "BEGIN READ ONLY, ISOLATION LEVEL REPEATABLE READ"
	}
	if _, err := conn.ExecContext(ctx, begin); err != nil {
		return errors.Join(err, release(conn, true))
	}
	err = fn(conn)
	// A context that has ended must not leave the snapshot open.
	_, end := conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
	return errors.Join(err, end, release(conn, end != nil))
}

// collect runs a query and returns what scan makes of its rows.
func collect[T any](ctx context.Context, db querier, query string, args []any, scan func(*sql.Rows) (T, error)) ([]T, error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := []T{}
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}

// params are the parameters of a query that is put together.
type params []any

// add adds a parameter, and returns how the query names it.
func (p *params) add(value any) string {
	*p = append(*p, value)
	return "$" + strconv.Itoa(len(*p))
}

// texts is a list of parameters, as in "$1, $2".
func (p *params) texts(values []string) string {
	names := make([]string, len(values))
	for i, v := range values {
		names[i] = p.add(v)
	}
	return strings.Join(names, ", ")
}
