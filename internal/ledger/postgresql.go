package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// pgConnection writes to PostgreSQL, by its own protocol: COPY takes rows
// several times as fast as INSERT does.
type pgConnection struct {
	conn *sql.Conn
	// staged are the tables that have a temporary one on this connection, for
	// rows that may be there already: COPY knows no conflicts.
	staged map[string]bool
}

// pgWriter is one transaction of a pgConnection.
type pgWriter struct {
	tx     pgx.Tx
	staged map[string]bool
	args   []any
}

func (c *pgConnection) transact(ctx context.Context, fn func(writer) error) error {
	return c.conn.Raw(func(raw any) error {
		wrapped, ok := raw.(*stdlib.Conn)
		if !ok {
			return fmt.Errorf("the driver of PostgreSQL is %T, not pgx", raw)
		}
		tx, err := wrapped.Conn().Begin(ctx)
		if err != nil {
			return fmt.Errorf("begin: %w", err)
		}
		w := &pgWriter{tx: tx, staged: c.staged}
		if err := fn(w); err != nil {
			if rollback := tx.Rollback(context.WithoutCancel(ctx)); rollback != nil && !errors.Is(rollback, pgx.ErrTxClosed) {
				return fmt.Errorf("%w (and it could not be rolled back: %w)", withoutConflict(err), rollback)
			}
			return err
		}
		if err := tx.Commit(ctx); err != nil {
			return &inDoubt{err}
		}
		return nil
	})
}

func (c *pgConnection) close(broken bool) error { return release(c.conn, broken) }

func (w *pgWriter) exec(ctx context.Context, query string, args ...any) (int64, error) {
	tag, err := w.tx.Exec(ctx, query, args...)
	return tag.RowsAffected(), err
}

func (w *pgWriter) row(ctx context.Context, query string, args []any, to ...any) error {
	return w.tx.QueryRow(ctx, query, args...).Scan(to...)
}

func (w *pgWriter) insert(ctx context.Context, t *table, n int, row func(i int, to []any) ([]any, error)) error {
	if n == 0 {
		return nil
	}
	if t.keys == nil {
		return w.copy(ctx, t, t.name, n, row)
	}
	stage := "stage_" + t.name
	if t.update {
		stage += "_update"
	}
	if w.staged[stage] {
		if _, err := w.exec(ctx, "DELETE FROM "+stage); err != nil {
			return fmt.Errorf("empty the temporary table %s: %w", stage, err)
		}
	} else {
		// It goes where the transaction is undone, and the connection with it.
		create := "CREATE TEMPORARY TABLE " + stage + " (LIKE " + t.name + ") ON COMMIT DELETE ROWS"
		if t.update {
			create = "CREATE TEMPORARY TABLE " + stage + " ON COMMIT DELETE ROWS AS SELECT " + strings.Join(t.columns, ", ") + " FROM " + t.name + " WITH NO DATA"
		}
		if _, err := w.exec(ctx, create); err != nil {
			return fmt.Errorf("make a temporary table for %s: %w", t.name, err)
		}
		w.staged[stage] = true
	}
	if err := w.copy(ctx, t, stage, n, row); err != nil {
		return err
	}
	columns := strings.Join(t.columns, ", ")
	query := "INSERT INTO " + t.name + " (" + columns + ") SELECT " + columns + " FROM " + stage + t.onConflict()
	if t.update {
		query = t.updateFrom(stage)
	}
	if _, err := w.exec(ctx, query); err != nil {
		return fmt.Errorf("write to table %s: %w", t.name, err)
	}
	return nil
}

func (w *pgWriter) copy(ctx context.Context, t *table, into string, n int, row func(i int, to []any) ([]any, error)) error {
	defer func() { clear(w.args[:cap(w.args)]) }()
	_, err := w.tx.CopyFrom(ctx, pgx.Identifier{into}, t.columns, pgx.CopyFromSlice(n, func(i int) ([]any, error) {
		var err error
		w.args, err = row(i, w.args[:0])
		return w.args, err
	}))
	if err != nil {
		return fmt.Errorf("write to table %s: %w", t.name, err)
	}
	return nil
}
