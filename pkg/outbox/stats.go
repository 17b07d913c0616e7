package outbox

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"time"
)

// countLimit bounds what counting rows may cost.
const countLimit = 100_000

// Stats describes what the outbox holds.
type Stats struct {
	// Backlog is how many rows are to be published, counted up to 100,000.
	Backlog int
	// Oldest is when the oldest of them was stored; zero if there is none.
	Oldest time.Time
	// Failed is how many rows are set aside, counted up to 100,000.
	Failed int
}

// Stats returns what the outbox holds.
func (o *Outbox) Stats(ctx context.Context) (Stats, error) {
	limit := strconv.Itoa(countLimit)
	var (
		s      Stats
		oldest sql.NullInt64
	)
	err := o.db.QueryRowContext(ctx, `SELECT
		(SELECT count(*) FROM (SELECT 1 FROM outbox WHERE `+pending+` LIMIT `+limit+`) AS b),
		(SELECT created_at FROM outbox WHERE `+pending+` ORDER BY seq LIMIT 1),
		(SELECT count(*) FROM (SELECT 1 FROM outbox WHERE failed_at IS NOT NULL LIMIT `+limit+`) AS f)`,
	).Scan(&s.Backlog, &oldest, &s.Failed)
	if err != nil {
		return Stats{}, fmt.Errorf("count outbox rows: %w", err)
	}
	if oldest.Valid {
		s.Oldest = time.UnixMicro(oldest.Int64)
	}
	return s, nil
}
