package api

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/laban-io/laban/internal/ledger"
	"github.com/laban-io/laban/internal/nearest"
	"github.com/laban-io/laban/pkg/choreography"
)

// ChoreographyHead is a choreography in a list.
type ChoreographyHead struct {
	Name        string   `json:"name"`
	Description string   `json:"description,omitempty"`
	Hash        string   `json:"hash" doc:"SHA-256 of the contract's text"`
	Starts      []string `json:"starts" nullable:"false"`
	Completed   []string `json:"completed" nullable:"false" doc:"The good outcomes"`
	Failed      []string `json:"failed" nullable:"false" doc:"The bad outcomes"`
	Services    []string `json:"services" nullable:"false"`
}

// Choreographies are all contracts in force.
type Choreographies struct {
	Choreographies []ChoreographyHead `json:"choreographies" nullable:"false"`
}

// Choreography is a contract with how its reactions went.
type Choreography struct {
	ChoreographyHead
	IdleMS         float64    `json:"idle_ms"`
	AbandonAfterMS float64    `json:"abandon_after_ms,omitempty"`
	Since          time.Time  `json:"since" doc:"Figures are of what happened from this log time on"`
	Reactions      []Reaction `json:"reactions" nullable:"false" doc:"In the order of the contract"`
	Text           string     `json:"text" doc:"The contract as it was read"`
}

// Reaction is a rule of a contract, and how it went.
type Reaction struct {
	Step        string            `json:"step"`
	Description string            `json:"description,omitempty"`
	Services    []string          `json:"services" nullable:"false"`
	On          []string          `json:"on" nullable:"false"`
	All         bool              `json:"all,omitempty" doc:"It waits for all of on, not for any of them"`
	If          []string          `json:"if,omitempty" nullable:"false"`
	Unless      []string          `json:"unless,omitempty" nullable:"false"`
	Undoes      string            `json:"undoes,omitempty"`
	Emits       []string          `json:"emits" nullable:"false"`
	WithinMS    float64           `json:"within_ms,omitempty" doc:"Its deadline"`
	Side        bool              `json:"side,omitempty"`
	Optional    bool              `json:"optional,omitempty"`
	Figures     []ReactionFigures `json:"figures" nullable:"false" doc:"Of each of its services; of a step that several reactions share, all together"`
}

// ReactionFigures is how a step went at one service.
type ReactionFigures struct {
	Service string  `json:"service"`
	Paid    int     `json:"paid" doc:"How many obligations were met"`
	Rate    float64 `json:"rate" doc:"Obligations met in a second"`
	P50MS   float64 `json:"p50_ms"`
	P95MS   float64 `json:"p95_ms"`
	P99MS   float64 `json:"p99_ms"`
	Stalls  int     `json:"stalls" doc:"How often one became overdue"`
}

type choreographiesOutput struct{ Body Choreographies }

func (a *API) listChoreographies(context.Context, *struct{}) (*choreographiesOutput, error) {
	all := a.cfg.Observer.Contracts()
	out := &choreographiesOutput{Body: Choreographies{Choreographies: make([]ChoreographyHead, len(all))}}
	for i, c := range all {
		out.Body.Choreographies[i] = choreographyHead(c)
	}
	slices.SortFunc(out.Body.Choreographies, func(x, y ChoreographyHead) int { return strings.Compare(x.Name, y.Name) })
	return out, nil
}

type choreographyInput struct {
	Name   string `path:"name" maxLength:"200"`
	Window string `query:"window" maxLength:"16" default:"1h" doc:"How far back figures look: 15m, 1h, 7d"`
}

type choreographyOutput struct{ Body Choreography }

func (a *API) getChoreography(ctx context.Context, in *choreographyInput) (*choreographyOutput, error) {
	c := a.contracts.inForce(in.Name)
	if c == nil {
		return nil, huma.Error404NotFound(a.noChoreography(in.Name))
	}
	window, ok := parseAgo(in.Window)
	if !ok || window == 0 {
		return nil, huma.Error422UnprocessableEntity("window: say how far back, such as 15m, 1h or 7d")
	}
	now := a.now()
	stats, err := a.cfg.Reader.StepStats(ctx, c.Name, now.Add(-window))
	if err != nil {
		return nil, a.asProblem(ctx, err)
	}
	return &choreographyOutput{Body: choreographyFrom(c, stats, now, window)}, nil
}

// noChoreography says what there is instead.
func (a *API) noChoreography(name string) string {
	var names []string
	for _, c := range a.cfg.Observer.Contracts() {
		names = append(names, c.Name)
	}
	slices.Sort(names)
	switch meant, ok := nearest.Of(name, names); {
	case ok:
		return "there is no choreography with this name; did you mean " + meant + "?"
	case len(names) == 0:
		return "there is no choreography with this name: the observer has no contract"
	default:
		return "there is no choreography with this name; there are " + strings.Join(names, ", ")
	}
}

func choreographyHead(c *choreography.Choreography) ChoreographyHead {
	h := ChoreographyHead{
		Name: c.Name, Description: c.Description, Hash: c.Hash, Starts: texts(c.Starts),
		Completed: texts(c.Outcomes.Completed), Failed: texts(c.Outcomes.Failed), Services: []string{},
	}
	for i := range c.Reactions {
		h.Services = append(h.Services, c.Reactions[i].Services...)
	}
	slices.Sort(h.Services)
	h.Services = slices.Compact(h.Services)
	return h
}

func choreographyFrom(c *choreography.Choreography, stats []ledger.StepStat, now time.Time, window time.Duration) Choreography {
	out := Choreography{
		ChoreographyHead: choreographyHead(c), IdleMS: milliseconds(c.Idle), AbandonAfterMS: milliseconds(c.AbandonAfter),
		Since: now.Add(-window), Reactions: make([]Reaction, len(c.Reactions)), Text: c.Text,
	}
	for i := range c.Reactions {
		r := &c.Reactions[i]
		x := Reaction{
			Step: r.Step(), Description: r.Description, Services: texts(r.Services), On: texts(r.On.Types()), All: len(r.On.All) > 0,
			If: r.If, Unless: r.Unless, Undoes: r.Undoes, Emits: texts(r.Emits), WithinMS: milliseconds(r.Within),
			Side: r.Side, Optional: r.Optional, Figures: []ReactionFigures{},
		}
		if r.Owes() {
			for _, service := range r.Services {
				x.Figures = append(x.Figures, figuresOf(stats, x.Step, service, window))
			}
		}
		out.Reactions[i] = x
	}
	return out
}

func figuresOf(stats []ledger.StepStat, step, service string, window time.Duration) ReactionFigures {
	f := ReactionFigures{Service: service}
	i := slices.IndexFunc(stats, func(s ledger.StepStat) bool { return s.Step == step && s.Service == service })
	if i < 0 {
		return f
	}
	s := &stats[i]
	f.Paid, f.Stalls = s.Paid, s.Overdue
	f.P50MS, f.P95MS, f.P99MS = milliseconds(s.P50), milliseconds(s.P95), milliseconds(s.P99)
	f.Rate = float64(s.Paid) / window.Seconds()
	return f
}
