package ledger

import (
	"context"
	"database/sql"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/laban-io/laban/pkg/flow"
)

// Detail is all that the ledger has of a flow. Lists are in the order of the
// log; obligations by their numbers.
type Detail struct {
	Flow
	// TraceIDs are the traces of its events, its own first.
	TraceIDs    []string
	Events      []Event
	Obligations []flow.Obligation
	Deviations  []DeviationRow
	// Transitions have neither a trace, nor the answers of what is due.
	Transitions []flow.Transition
	// Failures are those of its events, whether or not they named the flow.
	Failures []Failure
	Actions  []Action
}

// DeviationRow is a departure of a flow from its contract.
type DeviationRow struct {
	Kind   flow.Deviation
	Detail string
	At     time.Time
	Offset uint64
}

// Flow returns a flow, or [ErrNotFound]. Without a choreography it is the flow
// with that id which started last.
func (r *Reader) Flow(ctx context.Context, choreographyName, id string) (d Detail, err error) {
	err = r.snapshot(ctx, func(db querier) error {
		p := params{cleanID(id)}
		query := "SELECT " + flowColumns + " FROM flows f WHERE f.id = $1"
		if choreographyName != "" {
			query += " AND f.choreography = " + p.add(cleanID(choreographyName))
		}
		flows, err := collect(ctx, db, query+" ORDER BY f.listed_at DESC, f.choreography LIMIT 1", p, scanFlow)
		if err != nil {
			return err
		}
		if len(flows) == 0 {
			return ErrNotFound
		}
		if err := addWaiting(ctx, db, flows); err != nil {
			return err
		}
		d.Flow = flows[0]
		return d.read(ctx, db)
	})
	if err != nil {
		return Detail{}, fmt.Errorf("flow %q: %w", clean(id, maxID), err)
	}
	return d, nil
}

func (d *Detail) read(ctx context.Context, db querier) (err error) {
	of := []any{d.Choreography, d.ID}
	const mine = " WHERE choreography = $1 AND flow = $2"
	d.TraceIDs, err = collect(ctx, db, "SELECT trace_id FROM flow_traces"+mine+" ORDER BY number", of, func(rows *sql.Rows) (id string, err error) {
		err = rows.Scan(&id)
		return id, err
	})
	if err != nil {
		return err
	}
	if d.TraceID != "" {
		d.TraceIDs = append([]string{d.TraceID}, d.TraceIDs...)
	}
	d.Events, err = collect(ctx, db, `SELECT number, event_id, type, source, version, time, trigger_time, log_time, at, log_offset, causation_id,
		cause, inferred, trace_id, span_id, payload FROM events`+mine+" ORDER BY id", of, d.scanEvent)
	if err != nil {
		return err
	}
	d.Obligations, err = collect(ctx, db, "SELECT "+obligationColumns+" FROM obligations o"+mine+" ORDER BY o.number", of,
		func(rows *sql.Rows) (flow.Obligation, error) { return scanObligation(rows) })
	if err != nil {
		return err
	}
	d.Deviations, err = collect(ctx, db, "SELECT kind, detail, at, log_offset FROM deviations"+mine+" ORDER BY id", of, scanDeviation)
	if err != nil {
		return err
	}
	d.Transitions, err = collect(ctx, db, `SELECT kind, log_offset, at, from_status, to_status, outcome, again, clean, obligation, step, service,
		on_type, owed_since, deadline, cause, certainty, evidence, late, duration, deviation, detail FROM transitions`+mine+" ORDER BY id", of, d.scanTransition)
	if err != nil {
		return err
	}
	d.Failures, err = collect(ctx, db, `SELECT kind, choreography, flow, event_id, type, service, attempt, attempts, error, log_offset, log_time
		FROM failures WHERE id IN (SELECT id FROM failures`+mine+`
		UNION SELECT f.id FROM events e CROSS JOIN failures f WHERE e.choreography = $1 AND e.flow = $2 AND f.event_id = e.event_id
			AND f.flow IN ('', $2))
		ORDER BY id`, of, scanFailure)
	if err != nil {
		return err
	}
	d.Actions, err = collect(ctx, db, `SELECT at, action, actor, choreography, flow, service, event_id, reason, log_offset FROM audit`+mine+" ORDER BY id", of, scanAction)
	return err
}

func (d *Detail) scanEvent(rows *sql.Rows) (e Event, err error) {
	var (
		made, trigger, logTime, at sql.NullInt64
		offset                     int64
		trace, span                string
		payload                    sql.NullString
	)
	r, n := &e.Record, &e.Entry
	err = rows.Scan(&n.Number, &r.ID, &r.Type, &r.Source, &r.Version, &made, &trigger, &logTime, &at, &offset, &r.CausationID,
		&n.Cause, &n.Inferred, &trace, &span, &payload)
	if err != nil {
		return e, err
	}
	r.Offset = uint64(offset) //nolint:gosec // commits let no other in
	r.FlowName, r.FlowID, r.Key = d.Choreography, d.ID, d.Key
	n.Choreography, n.FlowID, n.Key = d.Choreography, d.ID, d.Key
	r.Time, r.TriggerTime, n.LogTime, n.At = moment(made), moment(trigger), moment(logTime), moment(at)
	if _, err := hex.Decode(r.Trace.TraceID[:], []byte(trace)); err != nil {
		return e, fmt.Errorf("trace id: %w", err)
	}
	if _, err := hex.Decode(r.Trace.SpanID[:], []byte(span)); err != nil {
		return e, fmt.Errorf("span id: %w", err)
	}
	e.Payload = payload.String
	return e, nil
}

func scanDeviation(rows *sql.Rows) (d DeviationRow, err error) {
	var (
		kind   string
		at     sql.NullInt64
		offset int64
	)
	err = rows.Scan(&kind, &d.Detail, &at, &offset)
	d.Kind, d.At, d.Offset = parseDeviation(kind), moment(at), uint64(offset) //nolint:gosec // commits let no other in
	return d, err
}

func (d *Detail) scanTransition(rows *sql.Rows) (t flow.Transition, err error) {
	var (
		kind                                                  string
		offset                                                int64
		at, obligation, since, deadline, duration             sql.NullInt64
		from, to, class, step, service, on                    sql.NullString
		cause, certainty, evidence, deviation, deviatedDetail sql.NullString
	)
	err = rows.Scan(&kind, &offset, &at, &from, &to, &class, &t.Again, &t.Clean, &obligation, &step, &service,
		&on, &since, &deadline, &cause, &certainty, &evidence, &t.Late, &duration, &deviation, &deviatedDetail)
	if err != nil {
		return t, err
	}
	t.Kind, t.Choreography, t.FlowID, t.Key = parseKind(kind), d.Choreography, d.ID, d.Key
	t.At, t.Offset = moment(at), uint64(offset) //nolint:gosec // commits let no other in
	t.From, _ = flow.ParseStatus(from.String)
	t.To, _ = flow.ParseStatus(to.String)
	t.Class, t.Obligation = parseClass(class.String), int(obligation.Int64)
	t.Due = flow.Due{Step: step.String, Service: service.String, On: on.String, Since: moment(since), Deadline: moment(deadline)}
	t.Finding = parseFinding(cause, certainty, evidence)
	t.Duration = time.Duration(duration.Int64)
	t.Deviation, t.Detail = parseDeviation(deviation.String), deviatedDetail.String
	return t, nil
}

func scanFailure(rows *sql.Rows) (f Failure, err error) {
	var (
		at     sql.NullInt64
		offset int64
	)
	err = rows.Scan(&f.Kind, &f.Choreography, &f.FlowID, &f.EventID, &f.Type, &f.Service, &f.Attempt, &f.Of, &f.Error, &offset, &at)
	f.Offset, f.LogTime = uint64(offset), moment(at) //nolint:gosec // commits let no other in
	return f, err
}

func scanAction(rows *sql.Rows) (a Action, err error) {
	var at, offset sql.NullInt64
	err = rows.Scan(&at, &a.Action, &a.Actor, &a.Choreography, &a.FlowID, &a.Service, &a.EventID, &a.Reason, &offset)
	a.At, a.Offset, a.Logged = moment(at), uint64(offset.Int64), offset.Valid //nolint:gosec // commits let no other in
	return a, err
}
