package ledger

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/laban-io/laban/pkg/flow"
)

// The functions of this file append a row's values in the order of its table's
// columns.

func contractRow(to []any, c *Contract) []any {
	return append(to, clean(c.Hash, maxName), clean(c.Name, maxName), clean(c.Text, maxPayload), int64(c.First)) //nolint:gosec // checked by check
}

func flowRow(to []any, s *flow.Snapshot) ([]any, error) {
	names, err := exactNames(s)
	if err != nil {
		return nil, err
	}
	trace := ""
	if len(s.Traces) > 0 {
		trace = traceText(s.Traces[0])
	}
	// Where the start was not seen, the flow is listed as of when it was first
	// heard of.
	listed := s.Started
	if listed.IsZero() {
		listed = s.Updated
	}
	return append(to, cleanID(s.Choreography), cleanID(s.ID), cleanID(s.Key), clean(s.Rules, maxName),
		s.Status.String(), s.Outcome.String(), known(listed), nanos(s.Started), known(s.Updated), nanos(s.Ended),
		int64(s.First), int64(s.Last), s.Events, s.Deviations, s.Stalls, trace, clean(s.Reason, maxText), //nolint:gosec // checked by check
		bytesOrNull(names), bytesOrNull(s.State), forgotten(s)), nil
}

// forgotten is the time from which a flow is kept for so long, once the tracker
// has forgotten it.
func forgotten(s *flow.Snapshot) any {
	if s.State != nil {
		return nil
	}
	if s.Ended.After(s.Updated) {
		return known(s.Ended)
	}
	return known(s.Updated)
}

// movedRow is a flow that has gone on, and is what it was.
func movedRow(to []any, s *flow.Snapshot) []any {
	return append(to, known(s.Updated), int64(s.Last), s.Events, s.Deviations, s.Stalls, bytesOrNull(s.State), //nolint:gosec // checked by check
		cleanID(s.Choreography), cleanID(s.ID))
}

// known is nanos for a column that is never NULL: 0 where the time is unknown.
func known(t time.Time) any {
	if n := nanos(t); n != nil {
		return n
	}
	return int64(0)
}

func bytesOrNull(b []byte) any {
	if b == nil {
		return nil
	}
	return b
}

func traceText(id [16]byte) string {
	if id == ([16]byte{}) {
		return ""
	}
	return hex.EncodeToString(id[:])
}

func spanText(id [8]byte) string {
	if id == ([8]byte{}) {
		return ""
	}
	return hex.EncodeToString(id[:])
}

// names are what identifies a flow, where cleaning has changed it.
type names struct{ Choreography, Rules, ID, Key []byte }

func exactNames(s *flow.Snapshot) ([]byte, error) {
	if s.Choreography == cleanID(s.Choreography) && s.ID == cleanID(s.ID) && s.Key == cleanID(s.Key) && s.Rules == clean(s.Rules, maxName) {
		return nil, nil
	}
	return json.Marshal(names{[]byte(s.Choreography), []byte(s.Rules), []byte(s.ID), []byte(s.Key)})
}

func traceRow(to []any, s *flow.Snapshot, i int) []any {
	return append(to, cleanID(s.Choreography), cleanID(s.ID), i+1, traceText(s.Traces[i]))
}

func eventRow(to []any, id int64, e *Event) []any {
	r, n := &e.Record, &e.Entry
	var payload any
	if e.Payload != "" {
		payload = clean(e.Payload, maxPayload)
	}
	return append(to, cleanID(n.Choreography), cleanID(n.FlowID), id, n.Number, clean(r.ID, maxName), clean(r.Type, maxName),
		clean(r.Source, maxName), clean(r.Version, maxName), nanos(r.Time), nanos(r.TriggerTime), nanos(n.LogTime), nanos(n.At),
		int64(r.Offset), clean(r.CausationID, maxName), n.Cause, n.Inferred, traceText(r.Trace.TraceID), spanText(r.Trace.SpanID), payload) //nolint:gosec // checked by check
}

func failureRow(to []any, id int64, f *Failure) []any {
	return append(to, id, cleanID(f.Choreography), cleanID(f.FlowID), clean(string(f.Kind), maxName), clean(f.EventID, maxName),
		clean(f.Type, maxName), clean(f.Service, maxName), f.Attempt, f.Of, clean(f.Error, maxText), int64(f.Offset), nanos(f.LogTime)) //nolint:gosec // checked by check
}

func obligationRow(to []any, s *flow.Snapshot, o *flow.Obligation) ([]any, error) {
	answers, err := answersText(o.For)
	if err != nil {
		return nil, err
	}
	to = append(to, cleanID(s.Choreography), cleanID(s.ID), o.Number, clean(o.Step, maxText), clean(o.Service, maxName), clean(o.On, maxName),
		o.Trigger, answers)
	return append(appendStanding(to, o), o.Side, o.Optional), nil
}

// progressedRow is how far an obligation has come.
func progressedRow(to []any, s *flow.Snapshot, o *flow.Obligation) []any {
	return append(appendStanding(to, o), cleanID(s.Choreography), cleanID(s.ID), o.Number)
}

func appendStanding(to []any, o *flow.Obligation) []any {
	to = append(to, nanos(o.Since), nanos(o.Deadline), o.State.String(), nanos(o.OverdueSince))
	if o.OverdueSince.IsZero() {
		to = append(to, nil, nil, nil)
	} else {
		to = appendFinding(to, &o.Finding)
	}
	return append(to, o.PaidBy)
}

func appendFinding(to []any, f *flow.Finding) []any {
	return append(to, f.Cause.String(), f.Certainty.String(), clean(f.Evidence, maxText))
}

// answersText is a JSON array.
func answersText(types []string) (string, error) {
	if types == nil {
		types = []string{}
	}
	cleaned := make([]string, len(types))
	for i, t := range types {
		// JSON would write U+0000 as an escape, which PostgreSQL's jsonb refuses.
		cleaned[i] = clean(t, maxName)
	}
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(cleaned); err != nil {
		return "", fmt.Errorf("answers: %w", err)
	}
	return strings.TrimSuffix(text.String(), "\n"), nil
}

func deviationRow(to []any, id int64, t *flow.Transition) []any {
	return append(to, cleanID(t.Choreography), cleanID(t.FlowID), id, t.Deviation.String(), clean(t.Detail, maxText), int64(t.Offset), nanos(t.At)) //nolint:gosec // checked by check
}

// transitionRow leaves out what says nothing of a transition of its kind.
func transitionRow(to []any, id int64, t *flow.Transition) []any {
	to = append(to, cleanID(t.Choreography), cleanID(t.FlowID), id, t.Kind.String(), int64(t.Offset), nanos(t.At)) //nolint:gosec // checked by check
	if t.Kind == flow.Changed {
		to = append(to, t.From.String(), t.To.String())
	} else {
		to = append(to, nil, nil)
	}
	if t.Kind == flow.Ended {
		to = append(to, t.Class.String())
	} else {
		to = append(to, nil)
	}
	to = append(to, t.Again, t.Clean)
	switch t.Kind {
	case flow.Paid, flow.Overdue, flow.Reasoned, flow.Recovered, flow.Lifted:
		to = append(to, t.Obligation, clean(t.Due.Step, maxText), clean(t.Due.Service, maxName), clean(t.Due.On, maxName), nanos(t.Due.Since), nanos(t.Due.Deadline))
	default:
		to = append(to, nil, nil, nil, nil, nil, nil)
	}
	switch t.Kind {
	case flow.Overdue, flow.Reasoned, flow.Recovered, flow.Lifted:
		to = appendFinding(to, &t.Finding)
	default:
		to = append(to, nil, nil, nil)
	}
	to = append(to, t.Late)
	if t.Duration != 0 || t.Kind == flow.Paid || t.Kind == flow.Ended {
		to = append(to, int64(t.Duration))
	} else {
		to = append(to, nil)
	}
	if t.Kind == flow.Deviated {
		to = append(to, t.Deviation.String())
	} else {
		to = append(to, nil)
	}
	if t.Detail == "" {
		return append(to, nil)
	}
	return append(to, clean(t.Detail, maxText))
}

func markerRow(to []any, id int64, m *Marker) []any {
	data := m.Data
	if data == nil {
		data = []byte{}
	}
	return append(to, id, cleanID(m.Choreography), cleanID(m.FlowID), clean(m.Kind, maxName), data, int64(m.Offset)) //nolint:gosec // checked by check
}

func actionRow(to []any, id int64, a *Action) []any {
	to = append(to, id, nanos(a.At), clean(a.Action, maxName), clean(a.Actor, maxName), cleanID(a.Choreography), cleanID(a.FlowID),
		clean(a.Service, maxName), clean(a.EventID, maxName), clean(a.Reason, maxText))
	if a.Logged {
		return append(to, int64(a.Offset)) //nolint:gosec // checked by check
	}
	return append(to, nil)
}
