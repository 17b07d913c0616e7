package learntest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/laban-io/laban/internal/learn"
	"github.com/laban-io/laban/pkg/choreography"
	"github.com/laban-io/laban/pkg/flow"
)

// System plays a choreography: services that do what a contract says, each at a
// pace of its own.
type System struct {
	Contract *choreography.Choreography
	Random   *rand.Rand
	// Asked are events that come unprompted in some flows, each before all of
	// the events that it is too late after.
	Asked []Asked
	// Lose is the share of flows in which an answer never comes, and Twice the
	// share of events that are in the log twice.
	Lose, Twice float64

	now  time.Time
	next int
}

// Asked is an event that comes unprompted.
type Asked struct {
	Type, Service string
	Share         float64
	// Before are the events after which it does not come any more.
	Before []string
}

// Flow is one flow of a system.
type Flow struct {
	Events []flow.Event
	// Lost tells that an answer was lost.
	Lost bool
}

// play is a flow under way.
type play struct {
	*System
	flow     *Flow
	id       string
	begun    map[string]bool // obligations that were taken up
	pending  []duty
	at       []time.Time // when each event was made
	asked    []Asked
	lose     bool
	sequence int
}

// duty is an answer that somebody is about to give.
type duty struct {
	reaction int
	service  string
	cause    int // index of the event
}

// Play plays a flow to its end.
func (s *System) Play() Flow {
	s.next++
	if s.now.IsZero() {
		s.now = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	}
	s.now = s.now.Add(time.Duration(s.Random.IntN(2000)) * time.Millisecond)
	f := &Flow{}
	p := &play{System: s, flow: f, id: fmt.Sprintf("F%d", s.next), begun: map[string]bool{}, lose: s.Random.Float64() < s.Lose}
	for _, a := range s.Asked {
		if s.Random.Float64() < a.Share {
			p.asked = append(p.asked, a)
		}
	}
	start := s.Contract.Starts[s.Random.IntN(len(s.Contract.Starts))]
	p.emit(start, s.emitter(start), -1)
	for len(p.pending)+len(p.asked) > 0 {
		i := s.Random.IntN(len(p.pending) + len(p.asked))
		if i < len(p.pending) {
			d := p.pending[i]
			p.pending = slices.Delete(p.pending, i, i+1)
			p.answer(d)
			continue
		}
		a := p.asked[i-len(p.pending)]
		p.asked = slices.Delete(p.asked, i-len(p.pending), i-len(p.pending)+1)
		if !slices.ContainsFunc(f.Events, func(e flow.Event) bool { return slices.Contains(a.Before, e.Type) }) {
			p.emit(a.Type, a.Service, -1)
		}
	}
	return *f
}

// emitter is who emits an event unprompted.
func (s *System) emitter(eventType string) string {
	for _, r := range s.Contract.Reactions {
		if len(r.On.Types()) == 0 && slices.Contains(r.Emits, eventType) {
			return r.Services[0]
		}
	}
	return ""
}

func (p *play) has(types ...string) bool {
	return slices.ContainsFunc(p.flow.Events, func(e flow.Event) bool { return slices.Contains(types, e.Type) })
}

func (p *play) count(eventType string) (n int) {
	for _, e := range p.flow.Events {
		n += map[bool]int{true: 1}[e.Type == eventType]
	}
	return n
}

// answer gives an answer, unless nothing is owed any more. The first answer of
// a reaction is the likely one.
func (p *play) answer(d duty) {
	r := &p.Contract.Reactions[d.reaction]
	if p.has(r.Unless...) {
		return
	}
	if p.lose && !r.Side && p.Random.IntN(3) == 0 {
		p.lose, p.flow.Lost = false, true
		return
	}
	choice := 0
	if len(r.Emits) > 1 && p.Random.Float64() < 0.3 {
		choice = 1 + p.Random.IntN(len(r.Emits)-1)
	}
	p.emit(r.Emits[choice], d.service, d.cause)
}

// emit adds an event and takes up what it makes owed.
func (p *play) emit(eventType, service string, cause int) {
	p.sequence++
	e := flow.Event{ID: fmt.Sprintf("%s-%d", p.id, p.sequence), Source: service, Type: eventType, Key: p.id, FlowID: p.id}
	begun := p.now
	if n := len(p.at); n > 0 {
		begun = p.at[n-1]
	}
	e.Time = begun.Add(time.Duration(10+p.Random.IntN(30)) * time.Millisecond)
	if cause >= 0 {
		e.CausationID = p.flow.Events[cause].ID
		e.TriggerTime = e.Time.Add(-time.Millisecond)
	}
	p.flow.Events = append(p.flow.Events, e)
	p.at = append(p.at, e.Time)
	p.now = e.Time
	if p.Random.Float64() < p.Twice {
		p.flow.Events = append(p.flow.Events, e)
		p.at = append(p.at, e.Time)
	}
	last := len(p.flow.Events) - 1
	for i := range p.Contract.Reactions {
		r := &p.Contract.Reactions[i]
		if !r.Owes() {
			continue
		}
		for _, s := range r.Services {
			p.takeUp(i, s, last, eventType)
		}
	}
}

func (p *play) takeUp(i int, service string, last int, eventType string) {
	r := &p.Contract.Reactions[i]
	switch {
	case r.Undoes != "":
		key := fmt.Sprint(i, service)
		if p.has(r.Undoes) && p.has(r.On.Any...) && !p.begun[key] {
			p.begun[key] = true
			p.pending = append(p.pending, duty{i, service, last})
		}
	case len(r.On.All) > 0:
		n := len(p.flow.Events)
		for _, t := range r.On.All {
			n = min(n, p.count(t))
		}
		key := fmt.Sprint(i, service, n)
		if n > 0 && slices.Contains(r.On.All, eventType) && !p.begun[key] {
			p.begun[key] = true
			p.pending = append(p.pending, duty{i, service, last})
		}
	case slices.Contains(r.On.Any, eventType):
		p.pending = append(p.pending, duty{i, service, last})
	}
}

// Record returns an event as it is learned from. Without causes it does not say
// what caused it.
func Record(name string, e *flow.Event, causes bool) learn.Record {
	r := learn.Record{Type: e.Type, Source: e.Source, FlowName: name, FlowID: e.FlowID, Key: e.Key, ID: e.ID, Time: e.Time}
	if causes {
		r.CausationID, r.TriggerTime = e.CausationID, e.TriggerTime
	}
	return r
}
