package outbox

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// cleanupRows is how many rows are removed in one transaction, so that none
// holds up others for long.
const cleanupRows = 1000

// cleanUp removes what is kept no longer, at once and then every interval.
func (o *Outbox) cleanUp(ctx context.Context) {
	tick := time.NewTicker(o.cfg.CleanupInterval)
	defer tick.Stop()
	for {
		if err := o.cleanUpOnce(ctx); err != nil && ctx.Err() == nil {
			o.cfg.Logger.WarnContext(ctx, "old rows of inbox and outbox were not removed",
				"error", err, "next_try_in", o.cfg.CleanupInterval)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (o *Outbox) cleanUpOnce(ctx context.Context) error {
	now := o.dialect.now()
	if err := o.removeBatches(ctx, `DELETE FROM inbox WHERE (consumer, source, event_id) IN (
		SELECT consumer, source, event_id FROM inbox WHERE received_at < `+now+` - $1 ORDER BY received_at LIMIT $2)`, o.cfg.KeepInbox); err != nil {
		return fmt.Errorf("remove old rows of the inbox: %w", err)
	}
	// Also with KeepPublished at 0, in case it was more before.
	if err := o.removeBatches(ctx, `DELETE FROM outbox WHERE seq IN (
		SELECT seq FROM outbox WHERE published_at IS NOT NULL AND published_at < `+now+` - $1 ORDER BY published_at LIMIT $2)`, o.cfg.KeepPublished); err != nil {
		return fmt.Errorf("remove published rows of the outbox: %w", err)
	}
	return nil
}

// removeBatches runs query, with the age and the number of rows as parameters,
// until nothing is left to remove.
func (o *Outbox) removeBatches(ctx context.Context, query string, age time.Duration) error {
	for {
		var removed int64
		turnCtx, cancel := context.WithTimeout(ctx, turnTimeout)
		err := o.writeRelaxed(turnCtx, func(tx *sql.Tx) error {
			result, err := tx.ExecContext(turnCtx, query, age.Microseconds(), cleanupRows)
			if err != nil {
				return err
			}
			removed, err = result.RowsAffected()
			return err
		})
		cancel()
		if err != nil || removed < cleanupRows {
			return err
		}
	}
}
