package outbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// beginner is a pool or one of its connections.
type beginner interface {
	BeginTx(ctx context.Context, opts *sql.TxOptions) (*sql.Tx, error)
}

// writeRelaxed runs fn in a transaction whose loss in a crash of the machine
// does no harm: a relay's, or one that removes old rows.
func (o *Outbox) writeRelaxed(ctx context.Context, fn func(tx *sql.Tx) error) error {
	return o.retryConflicts(ctx, func() error {
		leave, err := o.gate.enter(ctx)
		if err != nil {
			return err
		}
		defer leave()
		if o.dialect == SQLite {
			return o.relaxSQLite(ctx, func(conn *sql.Conn) error { return transact(ctx, conn, nil, fn) })
		}
		return transact(ctx, o.db, &sql.TxOptions{Isolation: sql.LevelReadCommitted}, func(tx *sql.Tx) error {
			if err := relaxPostgreSQL(ctx, tx); err != nil {
				return err
			}
			return fn(tx)
		})
	})
}

// write runs fn in a transaction, once.
func (o *Outbox) write(ctx context.Context, fn func(tx *sql.Tx) error) error {
	leave, err := o.gate.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	var options *sql.TxOptions
	if o.dialect == PostgreSQL {
		options = &sql.TxOptions{Isolation: o.cfg.Isolation}
	}
	return transact(ctx, o.db, options, fn)
}

// transact runs fn in a transaction and commits it.
func transact(ctx context.Context, db beginner, options *sql.TxOptions, fn func(tx *sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, options)
	if err != nil {
		return fmt.Errorf("begin transaction: %w", err)
	}
	committing := false
	defer func() {
		if !committing { // also if fn panics
			_ = tx.Rollback() // its error, if any, comes after the one that matters
		}
	}()
	if err := fn(tx); err != nil {
		return err
	}
	committing = true
	return commit(ctx, tx)
}

// commit commits tx. Its error tells what is known to be rolled back from what
// is not.
func commit(ctx context.Context, tx *sql.Tx) error {
	err := tx.Commit()
	switch {
	case err == nil:
		return nil
	case isConflict(err):
		return fmt.Errorf("commit: %w", err)
	case errors.Is(err, pgx.ErrTxCommitRollback):
		return fmt.Errorf("commit: %w: a statement in it failed, and its function returned no error", ErrRolledBack)
	case errors.Is(err, sql.ErrTxDone) && ctx.Err() == nil:
		return fmt.Errorf("commit: %w: its function ended it by itself; leave that to Transact", ErrCommitUnknown)
	default:
		return fmt.Errorf("commit: %w: %w", ErrCommitUnknown, err)
	}
}
