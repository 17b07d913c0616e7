package explorer

import (
	"context"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/laban-io/laban/internal/ledger"
	"github.com/laban-io/laban/internal/observer/api"
	"github.com/laban-io/laban/pkg/choreography"
)

// choreographyBody is the page of one contract.
type choreographyBody struct {
	View      *api.Choreography
	Window    string
	Windows   []age
	Map       template.HTML
	NoMap     string
	Reactions []reaction
	Undeclared,
	Never []string
	Wrong []deviating
}

// reaction is a reaction with what is owed by it now.
type reaction struct {
	api.Reaction
	InFlight, Overdue int
	Stalled           string // the address of the flows that wait for it
	Slow              bool   // its p95 is beyond four fifths of its deadline
	P95, Share        float64
	Rate              float64
	Stalls, Paid      int
}

type deviating struct{ Service, Type string }

// choreographiesBody is the list of contracts.
type choreographiesBody struct{ All []contract }

type contract struct {
	*choreography.Choreography
	Services []string
	Live     int
	Stalled  int
}

func windows() []age {
	return []age{{"15m", "15 min"}, {"1h", "1 hour"}, {"24h", "1 day"}, {"7d", "1 week"}}
}

func (x *Explorer) choreographiesPage(r *http.Request) (*view, error) {
	s, err := x.summary.get(r.Context(), x.summarize)
	if err != nil {
		return nil, err
	}
	b := &choreographiesBody{}
	for _, c := range x.cfg.Observer.Contracts() {
		one := contract{Choreography: c, Services: servicesOf(c)}
		for _, n := range s.counts {
			if n.Choreography != c.Name {
				continue
			}
			switch n.Status.String() {
			case "running", "compensating", "inconsistent":
				one.Live += n.Count
			case "stalled":
				one.Live += n.Count
				one.Stalled += n.Count
			}
		}
		b.All = append(b.All, one)
	}
	slices.SortFunc(b.All, func(a, c contract) int { return strings.Compare(a.Name, c.Name) })
	return &view{Page: "choreographies", Nav: "choreographies", Title: "Choreographies", Body: b, Live: true}, nil
}

func servicesOf(c *choreography.Choreography) []string {
	var all []string
	for i := range c.Reactions {
		all = append(all, c.Reactions[i].Services...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func (x *Explorer) choreographyPage(r *http.Request) (*view, error) {
	name, window := r.PathValue("name"), r.URL.Query().Get("window")
	if !slices.ContainsFunc(windows(), func(a age) bool { return a.Value == window }) {
		window = "1h"
	}
	f, err := x.figuresOf(r.Context(), name, window)
	if err != nil {
		return nil, err
	}
	c, v := f.contract, f.view
	if c == nil {
		return problem(http.StatusNotFound, "There is no such choreography", "No contract in force has this name. The list of choreographies has those that there are."), nil
	}
	owed, err := x.cfg.Reader.Owed(r.Context(), c.Name, servicesOf(c))
	if err != nil {
		return nil, err
	}
	b := &choreographyBody{View: v, Window: window, Windows: windows()}
	for i := range v.Reactions {
		b.Reactions = append(b.Reactions, reactionOf(c.Name, &v.Reactions[i], owed))
	}
	b.observed(x, c)
	var svg strings.Builder
	if err := choreography.RenderAnnotated(&svg, c, func(i int) choreography.Annotation { return annotate(&b.Reactions[i], c.Name) }); err != nil {
		b.NoMap = err.Error()
	} else {
		b.Map = template.HTML(svg.String()) //nolint:gosec // the drawing escapes all names in it
	}
	return &view{Page: "choreography", Nav: "choreographies", Title: "Choreography " + c.Name, Body: b, Live: true}, nil
}

// figures are a contract and how its reactions went.
type figures struct {
	contract *choreography.Choreography
	view     *api.Choreography
}

// figuresOf returns those of a contract in force, which take a look at many
// answers; nothing where there is no such contract.
func (x *Explorer) figuresOf(ctx context.Context, name, window string) (figures, error) {
	if !slices.Contains(x.choreographies(), name) {
		return figures{}, nil
	}
	x.mu.Lock()
	k := x.figures[window+" "+name]
	if k == nil {
		k = &kept[figures]{}
		x.figures[window+" "+name] = k
	}
	x.mu.Unlock()
	return k.get(ctx, func(ctx context.Context) (f figures, err error) {
		f.contract, f.view, err = x.narrator.Choreography(ctx, name, lasts(window))
		return f, err
	})
}

func reactionOf(name string, r *api.Reaction, owed []ledger.Owed) reaction {
	x := reaction{Reaction: *r}
	for i := range r.Figures {
		f := &r.Figures[i]
		x.Paid, x.Stalls, x.Rate = x.Paid+f.Paid, x.Stalls+f.Stalls, x.Rate+f.Rate
		x.P95 = max(x.P95, f.P95MS)
	}
	if r.WithinMS > 0 {
		x.Share = min(x.P95/r.WithinMS*100, 100)
		x.Slow = x.P95 > 0.8*r.WithinMS
	}
	for _, o := range owed {
		if o.Step == r.Step && slices.Contains(r.Services, o.Service) && len(r.On) > 0 && len(r.Emits) > 0 {
			x.InFlight += o.Open
			x.Overdue += o.Overdue
		}
	}
	if len(r.Services) > 0 {
		q := url.Values{"choreography": {name}, "service": {r.Services[0]}}
		if x.Overdue > 0 {
			q.Set("status", "stalled")
		}
		if r.Side {
			q.Del("status") // what is on the side stalls no flow
		}
		x.Stalled = "/?" + q.Encode()
	}
	return x
}

// annotate is what the map says of a reaction.
func annotate(r *reaction, _ string) choreography.Annotation {
	a := choreography.Annotation{Address: r.Stalled}
	if len(r.Figures) == 0 {
		a.Address = ""
		return a
	}
	switch {
	case r.Paid == 0 && r.InFlight == 0:
		a.Lines, a.Class = []string{"never observed"}, "never"
		return a
	case r.Paid == 0:
		a.Lines = []string{"no answer yet"}
	case r.WithinMS > 0:
		a.Lines = []string{fmt.Sprintf("%s · p95 %s of %s", perSecond(r.Rate), milliseconds(r.P95), milliseconds(r.WithinMS))}
	default:
		a.Lines = []string{fmt.Sprintf("%s · p95 %s", perSecond(r.Rate), milliseconds(r.P95))}
	}
	if r.InFlight > 0 || r.Overdue > 0 {
		line := fmt.Sprintf("%d in flight", r.InFlight)
		if r.Overdue > 0 {
			line += fmt.Sprintf(", %d overdue", r.Overdue)
			a.Class = "stuck"
		}
		a.Lines = append(a.Lines, line)
	}
	if r.Slow && a.Class == "" {
		a.Class = "slow"
	}
	return a
}

// perSecond is a rate in a unit that makes it readable.
func perSecond(rate float64) string {
	switch {
	case rate == 0:
		return "0/s"
	case rate >= 1:
		return fmt.Sprintf("%.1f/s", rate)
	case rate*60 >= 1:
		return fmt.Sprintf("%.1f/min", rate*60)
	default:
		return fmt.Sprintf("%.1f/h", rate*time.Hour.Seconds())
	}
}

// observed tells apart what was declared and what was observed: by what services
// announce that they emit, and by which steps were ever answered within the time
// that is looked at.
func (b *choreographyBody) observed(x *Explorer, c *choreography.Choreography) {
	declared := map[string][]string{}
	for i := range c.Reactions {
		for _, service := range c.Reactions[i].Services {
			declared[service] = append(declared[service], c.Reactions[i].Emits...)
		}
	}
	status := x.cfg.Observer.Status()
	for i := range status.Services {
		s := &status.Services[i]
		emits, named := declared[s.Name]
		for _, e := range s.Emits {
			if named && !slices.Contains(emits, e) {
				b.Wrong = append(b.Wrong, deviating{s.Name, e})
			}
		}
	}
	for i := range b.Reactions {
		if r := &b.Reactions[i]; len(r.Figures) > 0 && r.Paid == 0 && !slices.Contains(b.Never, r.Step) {
			b.Never = append(b.Never, r.Step)
		}
	}
}
