package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"github.com/laban-io/laban/pkg/flow"
)

// Left returns how long it took from an event of the given type, the last of a
// flow that has several, to the end of the flow: of the newest completed flows
// of a choreography, at most so many, the shortest first.
func (r *Reader) Left(ctx context.Context, choreographyName, eventType string, flows int) ([]time.Duration, error) {
	left, err := collect(ctx, r.db, `SELECT f.ended_at - max(e.at)
		FROM (SELECT choreography, id, ended_at FROM flows WHERE choreography = $1 AND status = $2 ORDER BY listed_at DESC, id LIMIT $3) f
		CROSS JOIN events e WHERE e.choreography = f.choreography AND e.flow = f.id AND e.type = $4
		GROUP BY f.choreography, f.id, f.ended_at`,
		[]any{cleanID(choreographyName), flow.Completed.String(), flows, clean(eventType, maxName)},
		func(rows *sql.Rows) (n sql.NullInt64, err error) {
			err = rows.Scan(&n)
			return n, err
		})
	if err != nil {
		return nil, fmt.Errorf("how long %s takes after %q: %w", choreographyName, eventType, err)
	}
	all := make([]time.Duration, 0, len(left))
	for _, n := range left {
		if n.Valid {
			all = append(all, time.Duration(max(n.Int64, 0)))
		}
	}
	slices.Sort(all)
	return all, nil
}
