package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/laban-io/laban/pkg/choreography"
	"github.com/laban-io/laban/pkg/flow"
)

// fewOwing is how many obligations are looked at before a list goes by time.
const fewOwing = 2000

// Flow is a flow as lists show it.
type Flow struct {
	Choreography, ID, Key string
	// Rules is the hash of the contract that it began with.
	Rules   string
	Status  flow.Status
	Outcome choreography.Class
	// Started, Updated and Ended are zero where unknown, or not yet.
	Started, Updated, Ended    time.Time
	First, Last                uint64
	Events, Deviations, Stalls int
	// TraceID is the flow's own trace, in hexadecimal; "" for none.
	TraceID string
	// Reason is why it was closed.
	Reason string
	// Waiting is what is owed to it now.
	Waiting []flow.Obligation

	listed int64
}

const flowColumns = `f.choreography, f.id, f.key, f.rules, f.status, f.outcome, f.listed_at, f.started_at, f.updated_at, f.ended_at,
	f.first_offset, f.last_offset, f.events, f.deviations, f.stalls, f.trace_id, f.reason`

func scanFlow(rows *sql.Rows) (f Flow, err error) {
	var (
		status, outcome         string
		started, updated, ended sql.NullInt64
		first, last             int64
	)
	err = rows.Scan(&f.Choreography, &f.ID, &f.Key, &f.Rules, &status, &outcome, &f.listed, &started, &updated, &ended,
		&first, &last, &f.Events, &f.Deviations, &f.Stalls, &f.TraceID, &f.Reason)
	f.Status, _ = flow.ParseStatus(status)
	f.Outcome = parseClass(outcome)
	updated.Valid = updated.Int64 != 0
	f.Started, f.Updated, f.Ended = moment(started), moment(updated), moment(ended)
	f.First, f.Last = uint64(first), uint64(last) //nolint:gosec // commits let no other in
	return f, err
}

// Flows returns the flows that a filter allows, those that started last first,
// and the cursor of the next list, or "" where this is the last one. A flow that
// starts between two lists is in neither; none is in both.
func (r *Reader) Flows(ctx context.Context, filter Filter) (flows []Flow, next string, err error) {
	var from *cursor
	if filter.Cursor != "" {
		c, err := parseCursor(filter.Cursor)
		if err != nil {
			return nil, "", err
		}
		from = &c
	}
	limit := filter.limit()
	err = r.snapshot(ctx, func(db querier) error {
		query, args, err := listQuery(ctx, db, &filter, from, limit+1)
		if err != nil {
			return err
		}
		if flows, err = collect(ctx, db, query, args, scanFlow); err != nil {
			return err
		}
		if len(flows) > limit {
			flows = flows[:limit]
			last := &flows[limit-1]
			next = cursor{last.listed, last.Choreography, last.ID}.String()
		}
		return addWaiting(ctx, db, flows)
	})
	if err != nil {
		return nil, "", fmt.Errorf("list flows: %w", err)
	}
	return flows, next, nil
}

// listQuery finds the way that is short whatever the tables' sizes are, rather
// than leave it to the databases: SQLite keeps no statistics, and PostgreSQL's
// may be old.
func listQuery(ctx context.Context, db querier, f *Filter, from *cursor, limit int) (string, []any, error) {
	var p params
	sources := f.named(&p)
	exists := ""
	if owed := f.owed(&p); owed != "" {
		var counted params
		n := 0
		query := "SELECT count(*) FROM (SELECT 1 AS one FROM obligations o WHERE " + f.owed(&counted) + " LIMIT " + strconv.Itoa(fewOwing) + ") AS counted"
		if err := db.QueryRowContext(ctx, query, counted...).Scan(&n); err != nil {
			return "", nil, err
		}
		if n < fewOwing {
			sources = append(sources, "SELECT o.choreography, o.flow FROM obligations o WHERE "+owed)
		} else {
			// Looked up for one flow after the other: PostgreSQL would begin with
			// the obligations where this is written with EXISTS.
			exists = "(SELECT 1 FROM obligations o WHERE o.choreography = f.choreography AND o.flow = f.id AND " + owed + " LIMIT 1) IS NOT NULL"
		}
	}
	conditions := f.plain(&p, from)
	if exists != "" {
		conditions = append(conditions, exists)
	}
	where, end := strings.Join(conditions, " AND "), " LIMIT "+strconv.Itoa(limit)
	const order = " ORDER BY f.listed_at DESC, f.choreography, f.id"
	if len(sources) > 0 {
		// From those few flows, one by one: a cross join is in the order in which
		// it is written. Each source is a set of its own, so that they intersect.
		for i := range sources {
			sources[i] = "SELECT choreography, flow FROM (" + sources[i] + ") AS s" + strconv.Itoa(i)
		}
		if len(f.Statuses) > 0 {
			where += " AND f.status IN (" + p.texts(statusTexts(f.Statuses)) + ")"
		}
		return "SELECT " + flowColumns + " FROM (SELECT DISTINCT choreography, flow FROM (" + strings.Join(sources, " INTERSECT ") +
			") AS allowed) AS n CROSS JOIN flows f WHERE f.choreography = n.choreography AND f.id = n.flow AND " + where + order + end, p, nil
	}
	statuses := f.Statuses
	if len(statuses) == 0 && f.Choreography != "" {
		statuses = flow.Statuses()
	}
	if len(statuses) == 0 {
		return "SELECT " + flowColumns + " FROM flows f WHERE " + where + order + end, p, nil
	}
	// The newest of each status, each from its index.
	branches := make([]string, 0, len(statuses))
	for i, s := range unique(statusTexts(statuses)) {
		branches = append(branches, "SELECT * FROM (SELECT "+flowColumns+" FROM flows f WHERE f.status = "+p.add(s)+" AND "+where+
			order+end+") AS b"+strconv.Itoa(i))
	}
	return "SELECT * FROM (" + strings.Join(branches, " UNION ALL ") + ") AS f" + order + end, p, nil
}

func statusTexts(statuses []flow.Status) []string {
	texts := make([]string, len(statuses))
	for i, s := range statuses {
		texts[i] = s.String()
	}
	return texts
}

func unique(texts []string) []string {
	var once []string
	seen := make(map[string]bool)
	for _, t := range texts {
		if !seen[t] {
			seen[t] = true
			once = append(once, t)
		}
	}
	return once
}

const obligationColumns = `o.number, o.step, o.service, o.on_type, o.trigger_event, o.answers, o.owed_since, o.deadline, o.state,
	o.overdue_since, o.cause, o.certainty, o.evidence, o.paid_by, o.side, o.optional`

// addWaiting adds to each flow what is owed to it, by one query.
func addWaiting(ctx context.Context, db querier, flows []Flow) error {
	if len(flows) == 0 {
		return nil
	}
	var (
		p     params
		rows  = make([]string, len(flows))
		index = make(map[flowKey]*Flow, len(flows))
	)
	for i := range flows {
		f := &flows[i]
		f.Waiting = []flow.Obligation{}
		index[flowKey{f.Choreography, f.ID}] = f
		rows[i] = "(" + p.add(f.Choreography) + ", " + p.add(f.ID) + ")"
	}
	type owed struct {
		key flowKey
		flow.Obligation
	}
	all, err := collect(ctx, db, "WITH page (choreography, flow) AS (VALUES "+strings.Join(rows, ", ")+`)
		SELECT o.choreography, o.flow, `+obligationColumns+` FROM page CROSS JOIN obligations o
		WHERE o.choreography = page.choreography AND o.flow = page.flow AND o.state = 'open'
		ORDER BY o.choreography, o.flow, o.deadline, o.number`, p, func(rows *sql.Rows) (o owed, err error) {
		o.Obligation, err = scanObligation(rows, &o.key.choreography, &o.key.id)
		return o, err
	})
	if err != nil {
		return err
	}
	for _, o := range all {
		f := index[o.key]
		f.Waiting = append(f.Waiting, o.Obligation)
	}
	return nil
}

func scanObligation(rows *sql.Rows, before ...any) (o flow.Obligation, err error) {
	var (
		answers, state             string
		since, deadline, overdue   sql.NullInt64
		cause, certainty, evidence sql.NullString
	)
	err = rows.Scan(append(before, &o.Number, &o.Step, &o.Service, &o.On, &o.Trigger, &answers, &since, &deadline, &state,
		&overdue, &cause, &certainty, &evidence, &o.PaidBy, &o.Side, &o.Optional)...)
	if err != nil {
		return o, err
	}
	if err := json.Unmarshal([]byte(answers), &o.For); err != nil {
		return o, fmt.Errorf("answers of an obligation: %w", err)
	}
	o.Since, o.Deadline, o.OverdueSince = moment(since), moment(deadline), moment(overdue)
	o.State = parseObligationState(state)
	o.Finding = parseFinding(cause, certainty, evidence)
	return o, nil
}
