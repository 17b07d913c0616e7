package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/laban-io/laban/pkg/flow"
)

// maxStepRows is how many of the newest answers and stalls statistics are made of.
const maxStepRows = 50_000

// Counts returns how many flows there are, ended ones too, by choreography and
// status.
func (r *Reader) Counts(ctx context.Context) ([]flow.FlowCount, error) {
	counts, err := collect(ctx, r.db, "SELECT choreography, status, count(*) FROM flows GROUP BY choreography, status ORDER BY choreography, status", nil,
		func(rows *sql.Rows) (c flow.FlowCount, err error) {
			var status string
			err = rows.Scan(&c.Choreography, &status, &c.Count)
			c.Status, _ = flow.ParseStatus(status)
			return c, err
		})
	if err != nil {
		return nil, fmt.Errorf("count flows: %w", err)
	}
	return counts, nil
}

// StepStat is how a step went.
type StepStat struct {
	Step, Service string
	// Paid is how many of its obligations were met, Overdue how often one
	// became overdue.
	Paid, Overdue int
	// P50, P95 and P99 are how long those took that were met: so many percent
	// of them took no longer.
	P50, P95, P99 time.Duration
	// From is when the oldest of what was counted happened.
	From time.Time
}

// StepStats returns how the steps of a choreography went since a log time, by
// step and service. It looks at the newest 50,000 answers and stalls, from
// which StepStat.From may be later than since.
func (r *Reader) StepStats(ctx context.Context, choreographyName string, since time.Time) ([]StepStat, error) {
	rows, err := r.db.QueryContext(ctx, `SELECT at, kind, step, service, duration FROM transitions
		WHERE choreography = $1 AND at >= $2 AND kind IN ('paid', 'overdue') ORDER BY at DESC LIMIT $3`,
		cleanID(choreographyName), known(since), maxStepRows)
	if err != nil {
		return nil, fmt.Errorf("statistics of steps: %w", err)
	}
	defer rows.Close()
	type key struct{ step, service string }
	stats, durations := make(map[key]*StepStat), make(map[key][]time.Duration)
	for rows.Next() {
		var (
			k            key
			kind         string
			at, duration sql.NullInt64
		)
		if err := rows.Scan(&at, &kind, &k.step, &k.service, &duration); err != nil {
			return nil, fmt.Errorf("statistics of steps: %w", err)
		}
		s := stats[k]
		if s == nil {
			s = &StepStat{Step: k.step, Service: k.service}
			stats[k] = s
		}
		s.From = moment(at)
		if kind == flow.Paid.String() {
			s.Paid++
			durations[k] = append(durations[k], time.Duration(duration.Int64))
		} else {
			s.Overdue++
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("statistics of steps: %w", err)
	}
	all := make([]StepStat, 0, len(stats))
	for k, s := range stats {
		d := durations[k]
		slices.Sort(d)
		s.P50, s.P95, s.P99 = quantile(d, 50), quantile(d, 95), quantile(d, 99)
		all = append(all, *s)
	}
	slices.SortFunc(all, func(a, b StepStat) int {
		if c := strings.Compare(a.Step, b.Step); c != 0 {
			return c
		}
		return strings.Compare(a.Service, b.Service)
	})
	return all, nil
}

// quantile returns the smallest of the sorted durations that so many percent do
// not exceed (the nearest rank), or 0 where there are none.
func quantile(sorted []time.Duration, percent int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[(len(sorted)*percent+99)/100-1]
}

// Audit returns what people did, the newest first.
func (r *Reader) Audit(ctx context.Context, limit int) ([]Action, error) {
	actions, err := collect(ctx, r.db, `SELECT at, action, actor, choreography, flow, service, event_id, reason, log_offset FROM audit
		ORDER BY id DESC LIMIT $1`, []any{limit}, scanAction)
	if err != nil {
		return nil, fmt.Errorf("read what people did: %w", err)
	}
	return actions, nil
}
