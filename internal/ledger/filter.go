package ledger

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"github.com/laban-io/laban/pkg/flow"
)

// Bounds of a list.
const (
	defaultLimit = 50
	// MaxLimit is the most flows that one list has.
	MaxLimit = 500
)

// Filter says which flows a list has: those that all of its fields allow. The
// zero value allows every flow.
type Filter struct {
	Choreography string
	// Statuses are the statuses of which a flow has one.
	Statuses []flow.Status
	// Service is who owes something to the flow now. Cause is why something is
	// overdue now; with Service, why something of that service's is.
	Service string
	Cause   *flow.Cause
	// Key, FlowID and TraceID name flows. Search is any of the three.
	Key, FlowID, TraceID, Search string
	// Since and Before are when a flow started: not before the one and not
	// after the other. Of a flow whose start was not seen it is when it was
	// first heard of.
	Since, Before time.Time

	// Limit is how many flows a list has at most: 50 where it is 0, and never
	// more than [MaxLimit]. Cursor is where it goes on: what the list before
	// returned.
	Limit  int
	Cursor string
}

func (f *Filter) limit() int {
	if f.Limit <= 0 {
		return defaultLimit
	}
	return min(f.Limit, MaxLimit)
}

// cursor is the last flow of a list.
type cursor struct {
	Listed           int64
	Choreography, ID string
}

func (c cursor) String() string {
	text, err := json.Marshal(c)
	if err != nil {
		return "" // no text and no number fails
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

// parseCursor reads what [cursor.String] wrote, which a client may have changed.
func parseCursor(text string) (c cursor, err error) {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || json.Unmarshal(raw, &c) != nil || !isClean(c.Choreography) || !isClean(c.ID) {
		return cursor{}, ErrCursor
	}
	return c, nil
}

// named are queries for the flows that f names: each gives choreography and
// flow, of few flows.
func (f *Filter) named(p *params) []string {
	var queries []string
	by := func(column, value string) string {
		return "SELECT choreography, id AS flow FROM flows WHERE " + column + " = " + p.add(value)
	}
	byTrace := func(trace string) string {
		trace = strings.ToLower(clean(trace, maxName))
		return by("trace_id", trace) + " UNION SELECT choreography, flow FROM flow_traces WHERE trace_id = " + p.add(trace)
	}
	if f.Key != "" {
		queries = append(queries, by("key", cleanID(f.Key)))
	}
	if f.FlowID != "" {
		queries = append(queries, by("id", cleanID(f.FlowID)))
	}
	if f.TraceID != "" {
		queries = append(queries, byTrace(f.TraceID))
	}
	if f.Search != "" {
		id := cleanID(f.Search)
		queries = append(queries, by("key", id)+" UNION "+by("id", id)+" UNION "+byTrace(f.Search))
	}
	return queries
}

// owed is the condition on open obligations that f sets, or "".
func (f *Filter) owed(p *params) string {
	var conditions []string
	if f.Service != "" {
		conditions = append(conditions, "o.service = "+p.add(clean(f.Service, maxName)))
	}
	if f.Cause != nil {
		conditions = append(conditions, "o.cause = "+p.add(f.Cause.String()))
	}
	if len(conditions) == 0 {
		return ""
	}
	return "o.state = 'open' AND " + strings.Join(conditions, " AND ")
}

// plain are the conditions on a flow's own row, but for its status.
func (f *Filter) plain(p *params, c *cursor) []string {
	conditions := []string{"1 = 1"}
	if f.Choreography != "" {
		conditions = append(conditions, "f.choreography = "+p.add(cleanID(f.Choreography)))
	}
	if !f.Since.IsZero() {
		conditions = append(conditions, "f.listed_at >= "+p.add(known(f.Since)))
	}
	if !f.Before.IsZero() {
		conditions = append(conditions, "f.listed_at <= "+p.add(known(f.Before)))
	}
	if c != nil {
		at := p.add(c.Listed)
		conditions = append(conditions, "f.listed_at <= "+at,
			"(f.listed_at < "+at+" OR (f.choreography, f.id) > ("+p.add(c.Choreography)+", "+p.add(c.ID)+"))")
	}
	return conditions
}
