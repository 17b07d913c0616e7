package api

import (
	"context"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/laban-io/laban/internal/ledger"
	"github.com/laban-io/laban/pkg/flow"
)

type flowsInput struct {
	Choreography string   `query:"choreography" maxLength:"200" doc:"Only flows of this choreography"`
	Status       []string `query:"status" maxItems:"8" enum:"unknown,running,compensating,stalled,completed,failed,inconsistent,closed" doc:"Only flows with one of these statuses, with commas between them"`
	Service      string   `query:"service" maxLength:"200" doc:"Only flows that this service owes something now"`
	Cause        string   `query:"cause" enum:"unknown,unrouted,not-bound,lost,parked,retrying,no-consumer,backlog,taken,silent,dead-end" doc:"Only flows of which something is overdue for this cause"`
	Key          string   `query:"key" maxLength:"1024" doc:"Only flows with this key"`
	Since        string   `query:"since" maxLength:"64" example:"1h" doc:"Only flows that started since this time (RFC 3339), or so long ago at most: 90s, 15m, 24h, 7d"`
	Limit        int      `query:"limit" minimum:"1" maximum:"500" default:"50" doc:"How many flows a page has at most"`
	Cursor       string   `query:"cursor" maxLength:"4096" doc:"The next of the page before"`
}

// FlowPage is one page of a list of flows.
type FlowPage struct {
	Flows []Flow `json:"flows" nullable:"false" doc:"Those that started last first"`
	Next  string `json:"next,omitempty" doc:"Give it as cursor to get the next page; absent on the last one"`
}

type flowsOutput struct {
	Link string `header:"Link" doc:"The next page, rel=next, if there is one (RFC 8288)"`
	Body FlowPage
}

func (a *API) listFlows(ctx context.Context, in *flowsInput) (*flowsOutput, error) {
	filter, err := in.filter(a.now())
	if err != nil {
		return nil, err
	}
	flows, next, err := a.cfg.Reader.Flows(ctx, filter)
	if err != nil {
		return nil, a.asProblem(ctx, err)
	}
	out := &flowsOutput{Body: FlowPage{Flows: make([]Flow, len(flows)), Next: next}}
	for i := range flows {
		out.Body.Flows[i] = flowFrom(&flows[i])
	}
	if next != "" {
		out.Link = "<" + in.address(next) + `>; rel="next"`
	}
	return out, nil
}

func flowFrom(f *ledger.Flow) Flow { return Flow{Head: headFrom(f), Deviations: f.Deviations} }

// filter reads the query; now is what "ago" counts from.
func (in *flowsInput) filter(now time.Time) (ledger.Filter, error) {
	f := ledger.Filter{Choreography: in.Choreography, Service: in.Service, Key: in.Key, Limit: in.Limit, Cursor: in.Cursor}
	for _, name := range in.Status {
		s, ok := flow.ParseStatus(name)
		if !ok {
			return f, huma.Error422UnprocessableEntity("status: there is no status " + strconv.Quote(name))
		}
		f.Statuses = append(f.Statuses, s)
	}
	if in.Cause != "" {
		c, ok := flow.ParseCause(in.Cause)
		if !ok {
			return f, huma.Error422UnprocessableEntity("cause: there is no cause " + strconv.Quote(in.Cause))
		}
		f.Cause = &c
	}
	var ok bool
	if f.Since, ok = ParseSince(in.Since, now); !ok {
		return f, huma.Error422UnprocessableEntity("since: say a time such as 2026-01-02T15:04:05Z, or how long ago: 90s, 15m, 24h, 7d")
	}
	return f, nil
}

// ParseSince reads a time, or how long before now one is. Empty is the zero
// time.
func ParseSince(text string, now time.Time) (time.Time, bool) {
	if text == "" {
		return time.Time{}, true
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, true
	}
	ago, ok := parseAgo(text)
	if !ok {
		return time.Time{}, false
	}
	return now.Add(-ago), true
}

// parseAgo reads a duration, also in whole days.
func parseAgo(text string) (time.Duration, bool) {
	const day = 24 * time.Hour
	if n := len(text) - 1; n > 0 && text[n] == 'd' {
		days, err := strconv.ParseUint(text[:n], 10, 16)
		return time.Duration(days) * day, err == nil
	}
	ago, err := time.ParseDuration(text)
	return ago, err == nil && ago >= 0
}

// address is that of the page at a cursor.
func (in *flowsInput) address(cursor string) string {
	q := url.Values{"cursor": {cursor}, "limit": {strconv.Itoa(in.Limit)}}
	for name, value := range map[string]string{
		"choreography": in.Choreography, "service": in.Service, "cause": in.Cause, "key": in.Key, "since": in.Since,
	} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if len(in.Status) > 0 {
		q.Set("status", strings.Join(in.Status, ","))
	}
	return "/api/v1/flows?" + q.Encode()
}
