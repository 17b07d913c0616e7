package outbox

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// What a relay writes need not survive a crash of the machine: its claims run
// out anyway, and a row whose removal is lost is published again, with the same
// id. So its transactions do not wait for the disk, as the service's do. They
// are two for each event, the service's is one.

// relaxPostgreSQL relaxes a transaction. Besides, one that is frozen in the
// middle is thrown out, so that it does not hold up the claims of others. And
// rows are found by their indexes: the outbox is empty at one moment and long
// at the next, so a plan made by statistics is wrong when it matters.
func relaxPostgreSQL(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, `SELECT set_config('synchronous_commit', 'off', true),
		set_config('idle_in_transaction_session_timeout', '10s', true),
		set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true)`)
	if err != nil {
		return fmt.Errorf("begin a relay's transaction: %w", err)
	}
	return nil
}

// The levels of SQLite's pragma synchronous. In WAL mode, NORMAL commits to the
// file without waiting for the disk; a later commit at FULL waits for both.
//
// Source: SQLite, "PRAGMA synchronous".
const (
	sqliteNormal = 1
	sqliteFull   = 2
)

// relaxSQLite runs fn with a connection that does not wait for the disk.
func (o *Outbox) relaxSQLite(ctx context.Context, fn func(conn *sql.Conn) error) (err error) {
	conn, err := o.db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer func() { _ = conn.Close() }()
	var level int
	if err := conn.QueryRowContext(ctx, "PRAGMA synchronous").Scan(&level); err != nil {
		return fmt.Errorf("ask how SQLite commits: %w", err)
	}
	if level < sqliteFull {
		return fn(conn)
	}
	if _, err := conn.ExecContext(ctx, "PRAGMA synchronous = "+strconv.Itoa(sqliteNormal)); err != nil {
		return fmt.Errorf("relax SQLite's commit: %w", err)
	}
	defer func() {
		restoreCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), restoreTimeout)
		defer cancel()
		if _, restoreErr := conn.ExecContext(restoreCtx, "PRAGMA synchronous = "+strconv.Itoa(level)); restoreErr != nil {
			// The pool must not hand it to the service.
			discardErr := conn.Raw(func(any) error { return driver.ErrBadConn })
			if !errors.Is(discardErr, driver.ErrBadConn) {
				err = errors.Join(err, restoreErr, discardErr)
			}
		}
	}()
	return fn(conn)
}

const restoreTimeout = 5 * time.Second
