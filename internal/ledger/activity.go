package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/laban-io/laban/pkg/flow"
)

// maxActivity is how many of the newest flows, and of the newest answers and
// stalls of a choreography, an [Activity] is made of.
const maxActivity = 20_000

// Activity is how many flows started and ended, and how often something became
// overdue, in equal parts of a time.
type Activity struct {
	From                    time.Time
	Part                    time.Duration
	Started, Ended, Stalled []int
}

// Activity returns what happened from a log time on, in so many parts, of all
// the given choreographies. It looks at the newest 20,000 flows, and at as many
// answers and stalls of each choreography; what is older is not counted.
func (r *Reader) Activity(ctx context.Context, choreographies []string, from time.Time, part time.Duration, parts int) (Activity, error) {
	a := Activity{From: from, Part: part, Started: make([]int, parts), Ended: make([]int, parts), Stalled: make([]int, parts)}
	count := func(in []int, at sql.NullInt64) {
		if at.Valid {
			if i := moment(at).Sub(from) / part; !moment(at).Before(from) && int(i) < len(in) {
				in[i]++
			}
		}
	}
	err := r.snapshot(ctx, func(db querier) error {
		_, err := collect(ctx, db, "SELECT started_at, ended_at FROM flows ORDER BY listed_at DESC, choreography, id LIMIT $1", []any{maxActivity},
			func(rows *sql.Rows) (none struct{}, err error) {
				var started, ended sql.NullInt64
				err = rows.Scan(&started, &ended)
				count(a.Started, started)
				count(a.Ended, ended)
				return none, err
			})
		for _, name := range choreographies {
			if err != nil {
				return err
			}
			_, err = collect(ctx, db, `SELECT at FROM (SELECT at, kind FROM transitions
				WHERE choreography = $1 AND at >= $2 AND kind IN ('paid', 'overdue') ORDER BY at DESC LIMIT $3) AS newest WHERE kind = 'overdue'`,
				[]any{cleanID(name), known(from), maxActivity}, func(rows *sql.Rows) (none struct{}, err error) {
					var at sql.NullInt64
					err = rows.Scan(&at)
					count(a.Stalled, at)
					return none, err
				})
		}
		return err
	})
	if err != nil {
		return Activity{}, fmt.Errorf("activity: %w", err)
	}
	return a, nil
}

// Owed is how many obligations of a step are open at a service, and how many of
// those are overdue.
type Owed struct {
	Step, Service string
	Open, Overdue int
}

// Owed returns what services owe to the flows of a choreography, by service and
// step. It looks at 20,000 obligations of each service at most.
func (r *Reader) Owed(ctx context.Context, choreographyName string, services []string) ([]Owed, error) {
	var all []Owed
	for _, service := range services {
		owed, err := collect(ctx, r.db, `SELECT step, service, count(*), count(overdue_since) FROM
			(SELECT step, service, overdue_since FROM obligations WHERE service = $1 AND choreography = $2 AND state = 'open' LIMIT $3) AS o
			GROUP BY step, service ORDER BY step`, []any{clean(service, maxName), cleanID(choreographyName), maxActivity},
			func(rows *sql.Rows) (o Owed, err error) {
				err = rows.Scan(&o.Step, &o.Service, &o.Open, &o.Overdue)
				return o, err
			})
		if err != nil {
			return nil, fmt.Errorf("what is owed to flows of %s: %w", choreographyName, err)
		}
		all = append(all, owed...)
	}
	return all, nil
}

// ParkedMessage is a message that a service gave up on, and how its flow stands
// now.
type ParkedMessage struct {
	Failure
	// Key, Status and Updated are those of the flow, where Known.
	Key     string
	Status  flow.Status
	Updated time.Time
	Known   bool
}

// Parked returns the messages that services gave up on, the newest first: of the
// newest 50,000 failures, at most so many. Those that a person has sent again or
// discarded since are left out.
func (r *Reader) Parked(ctx context.Context, limit int) ([]ParkedMessage, error) {
	parked, err := collect(ctx, r.db, `SELECT p.kind, p.choreography, p.flow, p.event_id, p.type, p.service, p.attempt, p.attempts, p.error, p.log_offset, p.log_time,
			f.key, f.status, f.updated_at
		FROM (SELECT * FROM (SELECT * FROM failures ORDER BY id DESC LIMIT $1) AS newest WHERE kind = 'parked' AND NOT EXISTS (
			SELECT 1 FROM audit a WHERE a.choreography = newest.choreography AND a.flow = newest.flow AND a.event_id = newest.event_id
				AND a.service = newest.service AND a.log_offset > newest.log_offset AND a.action IN ('redriven', 'discarded')
		) ORDER BY id DESC LIMIT $2) AS p
		LEFT JOIN flows f ON f.choreography = p.choreography AND f.id = p.flow ORDER BY p.id DESC`, []any{maxStepRows, limit},
		func(rows *sql.Rows) (m ParkedMessage, err error) {
			var (
				at, updated sql.NullInt64
				offset      int64
				key, status sql.NullString
			)
			f := &m.Failure
			err = rows.Scan(&f.Kind, &f.Choreography, &f.FlowID, &f.EventID, &f.Type, &f.Service, &f.Attempt, &f.Of, &f.Error, &offset, &at, &key, &status, &updated)
			f.Offset, f.LogTime = uint64(offset), moment(at) //nolint:gosec // commits let no other in
			m.Key, m.Known, m.Updated = key.String, status.Valid, moment(updated)
			m.Status, _ = flow.ParseStatus(status.String)
			return m, err
		})
	if err != nil {
		return nil, fmt.Errorf("list parked messages: %w", err)
	}
	return parked, nil
}
