package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
)

// rowsPerStatement is how many rows a statement inserts: one that is called for
// each row spends a third of its time on being called.
const rowsPerStatement = 16

// liteConnection writes to SQLite. Its statements are prepared once: the driver
// would else parse each of them every time.
type liteConnection struct {
	conn  *sql.Conn
	stmts map[string]*sql.Stmt
	// one and many are the inserts of each table.
	one, many map[*table]string
	args      []any
}

func newLiteConnection(ctx context.Context, conn *sql.Conn) (connection, error) {
	// The tables' inner pages stay in memory (64 MiB), and the log is folded into
	// the file every 64 MiB rather than every 4.
	for _, pragma := range []string{"PRAGMA cache_size = -65536", "PRAGMA wal_autocheckpoint = 16384", "PRAGMA temp_store = MEMORY"} {
		if _, err := conn.ExecContext(ctx, pragma); err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", pragma, err), release(conn, true))
		}
	}
	return &liteConnection{conn: conn, stmts: make(map[string]*sql.Stmt), one: make(map[*table]string), many: make(map[*table]string)}, nil
}

func (c *liteConnection) transact(ctx context.Context, fn func(writer) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	// Neither waits for anything but the disk, so nothing is gained by the
	// goroutine that the driver starts for each statement which could be
	// cancelled. Other writers are waited for as long as the busy timeout.
	ctx = context.WithoutCancel(ctx)
	if _, err := c.exec(ctx, "BEGIN IMMEDIATE"); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	err := fn(c)
	if err == nil {
		if _, err = c.exec(ctx, "COMMIT"); err == nil {
			return nil
		}
		err = fmt.Errorf("commit: %w", err)
	}
	// SQLite itself has rolled back where the disk is full or fails.
	if _, rollback := c.exec(ctx, "ROLLBACK"); rollback != nil && !strings.Contains(rollback.Error(), "no transaction is active") {
		// The connection goes, and the transaction with it.
		return fmt.Errorf("%w (and it could not be rolled back: %w)", withoutConflict(err), rollback)
	}
	return err
}

// withoutConflict hides that an error is one after which the connection stays.
func withoutConflict(err error) error {
	if errors.Is(err, ErrConflict) {
		return errors.New(err.Error())
	}
	return err
}

func (c *liteConnection) prepared(ctx context.Context, query string) (*sql.Stmt, error) {
	if stmt, ok := c.stmts[query]; ok {
		return stmt, nil
	}
	stmt, err := c.conn.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	c.stmts[query] = stmt
	return stmt, nil
}

func (c *liteConnection) exec(ctx context.Context, query string, args ...any) (int64, error) {
	stmt, err := c.prepared(ctx, query) //nolint:sqlclosecheck // it stays prepared until the connection is closed
	if err != nil {
		return 0, err
	}
	result, err := stmt.ExecContext(ctx, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func (c *liteConnection) row(ctx context.Context, query string, args []any, to ...any) error {
	stmt, err := c.prepared(ctx, query) //nolint:sqlclosecheck // it stays prepared until the connection is closed
	if err != nil {
		return err
	}
	return stmt.QueryRowContext(ctx, args...).Scan(to...)
}

func (c *liteConnection) insert(ctx context.Context, t *table, n int, row func(i int, to []any) ([]any, error)) error {
	one, ok := c.one[t]
	switch {
	case ok:
	case t.update:
		one = t.updateOne()
		c.one[t] = one
	default:
		one = t.values(1)
		c.one[t], c.many[t] = one, t.values(rowsPerStatement)
	}
	defer func() { clear(c.args[:cap(c.args)]) }()
	for i := 0; i < n; {
		query, rows := one, 1
		if n-i >= rowsPerStatement && !t.update {
			query, rows = c.many[t], rowsPerStatement
		}
		c.args = c.args[:0]
		for end := i + rows; i < end; i++ {
			var err error
			if c.args, err = row(i, c.args); err != nil {
				return err
			}
		}
		if _, err := c.exec(ctx, query, c.args...); err != nil {
			return fmt.Errorf("write to table %s: %w", t.name, err)
		}
	}
	return nil
}

func (c *liteConnection) close(broken bool) error {
	var errs []error
	for _, stmt := range c.stmts {
		errs = append(errs, stmt.Close())
	}
	return errors.Join(append(errs, release(c.conn, broken))...)
}
