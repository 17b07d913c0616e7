package outbox

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// FailedRow is a row that is set aside, because it can't be published.
type FailedRow struct {
	// Seq is the row's place in the outbox.
	Seq       int64
	EventID   string
	EventType string
	// OrderKey is what the row is kept in order by: the flow's id, if it has one.
	OrderKey string
	// Attempts is how often the broker refused it or left it unanswered.
	Attempts int
	// Error is that of the last attempt.
	Error     string
	CreatedAt time.Time
	FailedAt  time.Time
}

// Failed returns up to limit rows that are set aside, the oldest first.
func (o *Outbox) Failed(ctx context.Context, limit int) ([]FailedRow, error) {
	rows, err := o.db.QueryContext(ctx, `SELECT seq, event_id, type, order_key, attempts, last_error, created_at, failed_at
		FROM outbox WHERE failed_at IS NOT NULL ORDER BY seq LIMIT $1`, limit)
	if err != nil {
		return nil, fmt.Errorf("look for failed outbox rows: %w", err)
	}
	defer rows.Close()
	var failed []FailedRow
	for rows.Next() {
		var (
			f               FailedRow
			created, failAt int64
		)
		if err := rows.Scan(&f.Seq, &f.EventID, &f.EventType, &f.OrderKey, &f.Attempts, &f.Error, &created, &failAt); err != nil {
			return nil, fmt.Errorf("read a failed outbox row: %w", err)
		}
		f.CreatedAt, f.FailedAt = time.UnixMicro(created), time.UnixMicro(failAt)
		failed = append(failed, f)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read failed outbox rows: %w", err)
	}
	return failed, nil
}

// RetryFailed has the rows with the given event ids published again, or all
// that are set aside if none is given, and returns how many that are. Their
// attempts are counted from the start. Later events of the same flow went on
// without them, so they come after those.
func (o *Outbox) RetryFailed(ctx context.Context, eventIDs ...string) (int, error) {
	const retry = "UPDATE outbox SET failed_at = NULL, attempts = 0, not_before = 0, claimed_by = '' WHERE failed_at IS NOT NULL"
	var n int64
	err := o.Transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
		n = 0
		count := func(result sql.Result, err error) error {
			if err != nil {
				return err
			}
			affected, err := result.RowsAffected()
			n += affected
			return err
		}
		if len(eventIDs) == 0 {
			if err := count(tx.ExecContext(ctx, retry)); err != nil {
				return err
			}
		}
		for _, id := range eventIDs {
			if err := count(tx.ExecContext(ctx, retry+" AND event_id = $1", id)); err != nil {
				return err
			}
		}
		if t := o.transactionOf(ctx); n > 0 && t != nil {
			t.noteStored()
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("retry failed outbox rows: %w", err)
	}
	return int(n), nil
}
