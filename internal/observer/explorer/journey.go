package explorer

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/laban-io/laban/internal/ledger"
	"github.com/laban-io/laban/internal/observer/api"
	"github.com/laban-io/laban/pkg/choreography"
)

// manyEvents is from how many events on the sequence diagram is folded.
const manyEvents = 60

// journeyBody is the page of one flow.
type journeyBody struct {
	*api.Told
	Name            string
	Took            time.Duration
	Steps           []step
	Missing         []missing
	Waiting         []waiting
	Undone          []undoing
	Sequence        sequence
	Folded          bool
	Jaeger, Grafana string
	Markdown, JSON  string
	HasCritical     bool
	Legend          bool // some edge has parts
}

// step is one event in the time line.
type step struct {
	api.Event
	Since            time.Duration // since the flow's first event
	Critical, Side   bool
	Class            string // "completed" or "failed" for an outcome
	Undoes, UndoneBy int
	Bar              []segment
	Owner            string // the source as people call it
}

// segment is a part of a bar, in thousandths of the time line.
type segment struct {
	Kind     string
	X, Width float64
}

// missing is an overdue obligation.
type missing struct {
	api.Waiting
	Late time.Duration
	Pos  int // anchor
	// Redrive is where what was parked can be sent again.
	Redrive string
}

// waiting is an obligation that has time left.
type waiting struct {
	api.Waiting
	// Parked tells that its service has given up on it already, Error why, and
	// Redrive where that message can be sent again.
	Parked         bool
	Error, Redrive string
}

// undoing is a compensation and what it undoes.
type undoing struct {
	Undone       string
	UndoneNumber int
	Service      string
	By           []string // the answer, or those that may come
	ByNumber     int
	State        string
}

func (x *Explorer) journeyPage(r *http.Request) (*view, error) {
	id, name := r.PathValue("id"), r.URL.Query().Get("choreography")
	if len(id) > maxQuery || len(name) > maxQuery {
		return nil, ledger.ErrNotFound
	}
	told, err := x.narrator.Flow(r.Context(), name, id)
	if base, markdown := strings.CutSuffix(id, ".md"); markdown && errors.Is(err, ledger.ErrNotFound) {
		if told, err = x.narrator.Flow(r.Context(), name, base); err == nil {
			return &view{Markdown: x.markdown(x.journey(told))}, nil
		}
	}
	if err != nil {
		return nil, err
	}
	b := x.journey(told)
	for i := range b.Missing {
		if m := &b.Missing[i]; m.Cause != nil && slices.Contains([]string{"parked", "lost", "unrouted"}, m.Cause.Kind) {
			m.Redrive = x.redriveOf(told, m.Service)
		}
	}
	for i := range b.Waiting {
		if w := &b.Waiting[i]; w.Parked {
			w.Redrive = x.redriveOf(told, w.Service)
		}
	}
	return &view{Page: "journey", Nav: "flows", Title: b.Name, Body: b, Live: true}, nil
}

func (x *Explorer) journey(told *api.Told) *journeyBody {
	b := &journeyBody{
		Told: told, Name: told.Choreography + " " + told.Key,
		Jaeger:  link(x.cfg.Links.Jaeger, told.TraceID, told.ID, told.Key),
		Grafana: link(x.cfg.Links.Grafana, told.TraceID, told.ID, told.Key),
	}
	if told.Key == "" {
		b.Name = told.Choreography + " flow " + told.ID
	}
	address := flowAddress(told.Choreography, told.ID)
	path, query, _ := strings.Cut(address, "?")
	b.Markdown, b.JSON = path+".md?"+query, "/api/v1"+address
	switch {
	case told.StartedAt.IsZero():
	case !told.EndedAt.IsZero():
		b.Took = told.EndedAt.Sub(told.StartedAt)
	default:
		b.Took = max(told.AsOf.Sub(told.StartedAt), 0)
	}
	b.steps()
	for i := range told.Waiting {
		w := told.Waiting[i]
		if w.Overdue {
			b.Missing = append(b.Missing, missing{Waiting: w, Late: max(told.AsOf.Sub(w.Deadline), 0), Pos: w.Number})
		} else {
			b.Waiting = append(b.Waiting, b.waits(w))
		}
	}
	b.undo()
	b.Sequence = sequenceOf(b)
	b.Folded = len(b.Steps) > manyEvents
	return b
}

// waits tells whether the service has parked what it is to answer, and nobody has
// dealt with that since.
func (b *journeyBody) waits(w api.Waiting) waiting {
	id := ""
	for i := range b.Events {
		if b.Events[i].Number == w.Trigger {
			id = b.Events[i].ID
		}
	}
	for i := len(b.Failures) - 1; i >= 0; i-- {
		f := &b.Failures[i]
		if f.EventID != id || f.Service != w.Service {
			continue
		}
		dealt := slices.ContainsFunc(b.Actions, func(a api.Action) bool {
			return a.EventID == id && a.Service == w.Service && a.At.After(f.LogTime)
		})
		return waiting{Waiting: w, Parked: f.Kind == string(ledger.Parked) && !dealt, Error: f.Error}
	}
	return waiting{Waiting: w}
}

// steps makes the time line.
func (b *journeyBody) steps() {
	critical := map[int]bool{}
	if b.CriticalPath != nil {
		for _, n := range b.CriticalPath.Events {
			critical[n] = true
		}
		b.HasCritical = len(b.CriticalPath.Events) > 1
	}
	side := map[int]bool{}
	for i := range b.Obligations {
		if o := &b.Obligations[i]; o.Side && o.PaidBy > 0 {
			side[o.PaidBy] = true
		}
	}
	var first, last time.Time
	for i := range b.Events {
		if at := b.Events[i].At; !at.IsZero() {
			if first.IsZero() || at.Before(first) {
				first = at
			}
			if at.After(last) {
				last = at
			}
		}
	}
	whole := last.Sub(first)
	for i := range b.Events {
		e := b.Events[i]
		s := step{Event: e, Critical: critical[e.Number], Side: side[e.Number], Owner: owner(e.Source)}
		if b.Rules != nil {
			s.Class = b.Rules.Outcomes.Of(e.Type).String()
		}
		if !e.At.IsZero() {
			s.Since = e.At.Sub(first)
		}
		if e.EdgeMS != nil && whole > 0 {
			s.Bar = bars(&e, e.At.Sub(first), whole)
			b.Legend = true
		}
		b.Steps = append(b.Steps, s)
	}
}

// bars are the parts of the edge that leads to an event, which end where it is.
func bars(e *api.Event, at, whole time.Duration) []segment {
	const all = 1000
	scale := all / (float64(whole) / float64(time.Millisecond))
	end := float64(at) / float64(whole) * all
	value := func(ms *float64) float64 {
		if ms == nil {
			return 0
		}
		return *ms * scale
	}
	x := max(end-value(e.EdgeMS), 0)
	var out []segment
	for _, part := range []struct {
		kind string
		ms   *float64
	}{{"queue", e.QueueMS}, {"hand", e.HandMS}, {"relay", e.RelayMS}} {
		if w := value(part.ms); w > 0 {
			out = append(out, segment{Kind: part.kind, X: x, Width: max(w, 1.5)})
			x += w
		}
	}
	return out
}

// undo pairs compensations with what they undo.
func (b *journeyBody) undo() {
	if b.Rules == nil {
		return
	}
	for i := range b.Obligations {
		o := &b.Obligations[i]
		j := slices.IndexFunc(b.Rules.Reactions, func(r choreography.Reaction) bool {
			return r.Undoes != "" && r.Step() == o.Step && slices.Contains(r.Services, o.Service)
		})
		if j < 0 || o.State == "void" || o.State == "dormant" {
			continue
		}
		u := undoing{Undone: b.Rules.Reactions[j].Undoes, Service: o.Service, By: o.For, ByNumber: o.PaidBy, State: o.State}
		if o.Overdue {
			u.State = "overdue"
		}
		for k := range b.Steps {
			s := &b.Steps[k]
			if s.Type == u.Undone && u.UndoneNumber == 0 && s.UndoneBy == 0 {
				u.UndoneNumber, s.UndoneBy = s.Number, max(o.PaidBy, 0)
			}
		}
		for k := range b.Steps {
			if s := &b.Steps[k]; s.Number == o.PaidBy && o.PaidBy > 0 {
				u.By, s.Undoes = []string{s.Type}, u.UndoneNumber
			}
		}
		b.Undone = append(b.Undone, u)
	}
}

// owner is a source as people call it: the last part of its path.
func owner(source string) string {
	if i := strings.LastIndexByte(source, '/'); i >= 0 && i < len(source)-1 {
		return source[i+1:]
	}
	return source
}
