package explorer

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/laban-io/laban/internal/ledger"
	"github.com/laban-io/laban/pkg/flow"
)

// perPage is how many flows a page has.
const perPage = 50

// maxQuery is how long a value of a query may be.
const maxQuery = 1024

// flowsBody is the page of flows.
type flowsBody struct {
	Counts   []statusCount
	Total    int
	Activity ledger.Activity
	Lines    []sparkline
	Flows    []row
	Next     string
	First    string // the address of the first page, "" where this is it
	Filter   filter
	Filtered bool
	// What the filters offer.
	Choreographies, Services, Causes []string
	Ages                             []age
	Contracts                        int
}

// filter is what a query says.
type filter struct {
	Search, Choreography, Service, Cause, Age string
	Statuses                                  []string
}

type statusCount struct {
	Status string
	Count  int
	Link   string
	On     bool
}

type age struct{ Value, Text string }

// row is a flow in the list.
type row struct {
	ledger.Flow
	Status  string
	Turn    *flow.Obligation // whose turn it is
	Overdue bool
	Cause   string
	// Late is how long it is overdue, or Took how long the flow has taken.
	Late, Took time.Duration
	More       int // what else is owed
}

// summary is what does not depend on a filter.
type summary struct {
	counts   []flow.FlowCount
	activity ledger.Activity
}

// The sparklines show a quarter of an hour.
const (
	sparkPart  = 15 * time.Second
	sparkParts = 60
)

func (x *Explorer) summarize(ctx context.Context) (s summary, err error) {
	if s.counts, err = x.cfg.Reader.Counts(ctx); err != nil {
		return s, err
	}
	now := x.cfg.Observer.Status().Log.Time
	// Parts begin at full quarters of a minute, so that bars don't change while
	// time goes on.
	from := now.Truncate(sparkPart).Add(-(sparkParts - 1) * sparkPart)
	s.activity, err = x.cfg.Reader.Activity(ctx, x.choreographies(), from, sparkPart, sparkParts)
	return s, err
}

func (x *Explorer) choreographies() []string {
	var names []string
	for _, c := range x.cfg.Observer.Contracts() {
		names = append(names, c.Name)
	}
	slices.Sort(names)
	return names
}

func ages() []age {
	return []age{
		{"", "any time"},
		{"15m", "in the last 15 min"}, {"1h", "in the last hour"}, {"24h", "in the last day"}, {"7d", "in the last week"},
		{"older-15m", "more than 15 min ago"}, {"older-1h", "more than an hour ago"}, {"older-24h", "more than a day ago"},
	}
}

// lasts are the times of ages.
func lasts(text string) time.Duration {
	switch strings.TrimPrefix(text, "older-") {
	case "15m":
		return 15 * time.Minute
	case "1h":
		return time.Hour
	case "24h":
		return 24 * time.Hour
	case "7d":
		return 7 * 24 * time.Hour
	default:
		return 0
	}
}

// readFilter reads a query. What it does not know it leaves out.
func readFilter(q url.Values) filter {
	get := func(name string) string {
		v := strings.TrimSpace(q.Get(name))
		return v[:min(len(v), maxQuery)]
	}
	f := filter{Search: get("q"), Choreography: get("choreography"), Service: get("service"), Cause: get("cause"), Age: get("age")}
	for _, list := range q["status"] {
		for s := range strings.SplitSeq(list, ",") {
			if _, ok := flow.ParseStatus(s); ok && !slices.Contains(f.Statuses, s) {
				f.Statuses = append(f.Statuses, s)
			}
		}
	}
	slices.Sort(f.Statuses)
	if _, ok := flow.ParseCause(f.Cause); !ok {
		f.Cause = ""
	}
	if lasts(f.Age) == 0 {
		f.Age = ""
	}
	return f
}

// address is that of the page with a filter.
func (f filter) address(cursor string) string {
	q := url.Values{}
	for name, value := range map[string]string{
		"q": f.Search, "choreography": f.Choreography, "service": f.Service, "cause": f.Cause, "age": f.Age,
		"status": strings.Join(f.Statuses, ","), "cursor": cursor,
	} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if len(q) == 0 {
		return "/"
	}
	return "/?" + q.Encode()
}

// any tells whether the filter leaves anything out.
func (f filter) any() bool { return f.address("") != "/" }

// toggled is the filter with a status on or off.
func (f filter) toggled(status string) filter {
	statuses := slices.Clone(f.Statuses)
	if i := slices.Index(statuses, status); i >= 0 {
		f.Statuses = slices.Delete(statuses, i, i+1)
		return f
	}
	statuses = append(statuses, status)
	slices.Sort(statuses)
	f.Statuses = statuses
	return f
}

// query is what the ledger is asked.
func (f filter) query(now time.Time, cursor string) ledger.Filter {
	q := ledger.Filter{Search: f.Search, Choreography: f.Choreography, Service: f.Service, Limit: perPage, Cursor: cursor}
	for _, name := range f.Statuses {
		if s, ok := flow.ParseStatus(name); ok {
			q.Statuses = append(q.Statuses, s)
		}
	}
	if c, ok := flow.ParseCause(f.Cause); ok && f.Cause != "" {
		q.Cause = &c
	}
	switch at := now.Add(-lasts(f.Age)); {
	case f.Age == "":
	case strings.HasPrefix(f.Age, "older-"):
		q.Before = at
	default:
		q.Since = at
	}
	return q
}

func (x *Explorer) flowsPage(r *http.Request) (*view, error) {
	ctx, q := r.Context(), r.URL.Query()
	f, cursor := readFilter(q), q.Get("cursor")
	status := x.cfg.Observer.Status()
	flows, next, err := x.cfg.Reader.Flows(ctx, f.query(status.Log.Time, cursor[:min(len(cursor), 4*maxQuery)]))
	if err != nil {
		return nil, err
	}
	if len(flows) == 1 && cursor == "" && f.Search != "" && f.address("") == (filter{Search: f.Search}).address("") {
		return &view{Go: flowAddress(flows[0].Choreography, flows[0].ID)}, nil
	}
	s, err := x.summary.get(ctx, x.summarize)
	if err != nil {
		return nil, err
	}
	body := flowsBody{
		Filter: f, Filtered: f.any(), Activity: s.activity, Lines: sparklines(&s.activity),
		Choreographies: x.choreographies(), Ages: ages(), Contracts: len(x.cfg.Observer.Contracts()),
	}
	body.count(s.counts)
	for i := range flows {
		body.Flows = append(body.Flows, rowOf(&flows[i], status.Log.Time))
	}
	if next != "" {
		body.Next = f.address(next)
	}
	if cursor != "" {
		body.First = f.address("")
	}
	for i := range status.Services {
		body.Services = append(body.Services, status.Services[i].Name)
	}
	slices.Sort(body.Services)
	for _, c := range flow.Causes() {
		body.Causes = append(body.Causes, c.String())
	}
	return &view{Page: "flows", Nav: "flows", Title: "Flows", Body: &body, Live: cursor == ""}, nil
}

// count adds the counts by status: those that need somebody first. Statuses that
// no flow has are left out, but for those that everyone looks for.
func (b *flowsBody) count(counts []flow.FlowCount) {
	by := map[string]int{}
	for _, c := range counts {
		if b.Filter.Choreography != "" && c.Choreography != b.Filter.Choreography {
			continue
		}
		by[c.Status.String()] += c.Count
		b.Total += c.Count
	}
	for _, s := range []string{"stalled", "inconsistent", "compensating", "running", "completed", "failed", "closed", "unknown"} {
		on := slices.Contains(b.Filter.Statuses, s)
		if by[s] == 0 && !on && (s == "inconsistent" || s == "closed" || s == "unknown" || s == "compensating") {
			continue
		}
		b.Counts = append(b.Counts, statusCount{Status: s, Count: by[s], Link: b.Filter.toggled(s).address(""), On: on})
	}
}

func rowOf(f *ledger.Flow, now time.Time) row {
	r := row{Flow: *f, Status: f.Status.String()}
	for i := range f.Waiting {
		o := &f.Waiting[i]
		if o.Side || o.Optional {
			continue
		}
		late := !o.OverdueSince.IsZero()
		if r.Turn == nil || late && !r.Overdue || late == r.Overdue && o.Deadline.Before(r.Turn.Deadline) {
			r.Turn, r.Overdue = o, late
		}
		r.More++
	}
	if r.Turn != nil {
		r.More--
		if r.Overdue {
			r.Cause, r.Late = r.Turn.Finding.Cause.String(), max(now.Sub(r.Turn.Deadline), 0)
		}
	}
	switch {
	case f.Started.IsZero():
	case !f.Ended.IsZero():
		r.Took = f.Ended.Sub(f.Started)
	default:
		r.Took = max(now.Sub(f.Started), 0)
	}
	return r
}
