package flow

import (
	"slices"

	"github.com/laban-io/laban/pkg/choreography"
)

// judge works out what a flow's obligations are from the set of its events. It
// holds what is needed meanwhile, so that judging allocates nothing.
type judge struct {
	f      *instance
	counts []uint16
	states []ObligationState
	by     []uint16
	// left are the answers that no cause assigns.
	left []uint16
	// next is, of each rule, the obligation to look at next.
	next []int
	// moved marks obligations during the search for a way to pay one more.
	moved []bool
}

// verdict is what was found.
type verdict struct {
	// owed counts what holds the flow open, side what does not but is tracked.
	owed, side int
	// surplus counts answers that pay nothing; undone tells that one of them is
	// a compensation.
	surplus   int
	undone    bool
	started   bool
	completed bool
	failed    bool
}

// class returns the flow's outcome, None where there is none or both.
func (v verdict) class() choreography.Class {
	switch {
	case v.completed && !v.failed:
		return choreography.Completed
	case v.failed && !v.completed:
		return choreography.Failed
	default:
		return choreography.None
	}
}

func (v verdict) decided() bool { return v.completed || v.failed }

// do judges a flow. The states and payers of its obligations are in j.states
// and j.by; events are marked as paying or as surplus.
func (j *judge) do(f *instance) verdict {
	j.f = f
	v := j.count()
	j.conditions(v.started)
	j.payByCause()
	j.payByCount()
	j.sum(&v)
	j.f = nil
	return v
}

// count counts events by type, and reads the outcome.
func (j *judge) count() verdict {
	var v verdict
	p := j.f.program
	j.counts = zeroed(j.counts, len(p.typeNames))
	for i := range j.f.events {
		e := &j.f.events[i]
		e.flags &^= entryPays | entrySurplus
		if e.typ == foreignType {
			continue
		}
		j.counts[e.typ]++
		fact := &p.facts[e.typ]
		v.started = v.started || fact.start
		switch fact.class {
		case choreography.Completed:
			v.completed = true
		case choreography.Failed:
			v.failed = true
		case choreography.None:
		}
	}
	return v
}

// has tells whether the flow has an event of one of the types.
func (j *judge) has(types []typeID) bool {
	for _, typ := range types {
		if j.counts[typ] > 0 {
			return true
		}
	}
	return false
}

// hasAll tells whether the flow has an event of each of the types.
func (j *judge) hasAll(types []typeID) bool {
	for _, typ := range types {
		if j.counts[typ] == 0 {
			return false
		}
	}
	return true
}

// conditions says of each obligation whether it is owed at all.
func (j *judge) conditions(started bool) {
	n := len(j.f.obligations)
	j.states, j.by = zeroed(j.states, n), zeroed(j.by, n)
	for i := range j.f.obligations {
		r := &j.f.program.rules[j.f.obligations[i].rule]
		switch {
		case !started,
			len(r.ifs) > 0 && !j.has(r.ifs),
			r.undo() && len(r.any) > 0 && !j.has(r.any),
			r.undo() && len(r.all) > 0 && !j.hasAll(r.all):
			j.states[i] = Dormant
		case j.has(r.unless):
			j.states[i] = Void
		default:
			j.states[i] = Open
		}
	}
}

// payByCause gives each answer to the obligation whose trigger caused it. What
// was void already is answered all the same, and stays void.
func (j *judge) payByCause() {
	j.left = j.left[:0]
	p := j.f.program
	for i := range j.f.events {
		e := &j.f.events[i]
		if e.typ == foreignType || len(p.byAnswer[e.typ]) == 0 {
			continue
		}
		if e.causeIndex == 0 || !j.payCaused(i, int(e.causeIndex)-1) {
			j.left = append(j.left, uint16(i))
		}
	}
}

func (j *judge) payCaused(answer, cause int) bool {
	f, p := j.f, j.f.program
	e, c := &f.events[answer], &f.events[cause]
	// Those that the cause introduced.
	for o := int(c.firstObligation); o < len(f.obligations) && int(f.obligations[o].trigger) == cause; o++ {
		if j.fits(answer, o) {
			j.pay(answer, o)
			return true
		}
	}
	if c.typ == foreignType {
		return false
	}
	// Those it is one trigger of: joins and compensations.
	for _, ri := range p.byAnswer[e.typ] {
		r := &p.rules[ri]
		if !r.undo() && len(r.all) == 0 || !slices.Contains(r.any, c.typ) && !slices.Contains(r.all, c.typ) {
			continue
		}
		for o := range f.obligations {
			if f.obligations[o].rule == ri && j.fits(answer, o) {
				j.pay(answer, o)
				return true
			}
		}
	}
	return false
}

// fits tells whether an answer can be the one that an obligation waits for.
func (j *judge) fits(answer, o int) bool {
	if j.by[o] != 0 || j.states[o] == Dormant {
		return false
	}
	e := &j.f.events[answer]
	r := &j.f.program.rules[j.f.obligations[o].rule]
	return slices.Contains(r.emits, e.typ) && j.f.program.pays(r, e.typ, e.src)
}

func (j *judge) pay(answer, o int) {
	j.by[o] = uint16(answer) + 1
	j.f.events[answer].flags |= entryPays
	if j.states[o] == Open {
		j.states[o] = Met
	}
}

// payByCount gives what is left to what is open, the oldest first, and then to
// what was voided.
func (j *judge) payByCount() {
	if len(j.left) == 0 {
		return
	}
	j.next = zeroed(j.next, len(j.f.program.rules))
	// The answers that causes assigned keep their places: only those that are
	// placed here can be moved again, which mobile marks.
	mobile := 0
	for _, answer := range j.left {
		if j.payOldest(int(answer)) || j.f.program.overlap && mobile > 0 && j.rearrange(int(answer)) {
			mobile++
			continue
		}
		j.payVoid(int(answer))
	}
}

// payOldest pays the oldest open obligation that the answer fits.
func (j *judge) payOldest(answer int) bool {
	f, p := j.f, j.f.program
	best := -1
	for _, ri := range p.byAnswer[f.events[answer].typ] {
		for o := j.next[ri]; o < len(f.obligations); o++ {
			if f.obligations[o].rule == ri && j.states[o] == Open {
				if j.fits(answer, o) && (best < 0 || o < best) {
					best = o
				}
				break
			}
			j.next[ri] = o + 1
		}
	}
	if best < 0 {
		return false
	}
	j.pay(answer, best)
	return true
}

// rearrange pays one more obligation by giving others another answer: it
// searches an augmenting path, as Kuhn's algorithm does.
func (j *judge) rearrange(answer int) bool {
	j.moved = zeroed(j.moved, len(j.f.obligations))
	return j.augment(answer)
}

func (j *judge) augment(answer int) bool {
	e := &j.f.events[answer]
	for o := range j.f.obligations {
		if j.moved[o] || j.states[o] != Open && j.states[o] != Met {
			continue
		}
		r := &j.f.program.rules[j.f.obligations[o].rule]
		if !slices.Contains(r.emits, e.typ) || !j.f.program.pays(r, e.typ, e.src) {
			continue
		}
		j.moved[o] = true
		holder := int(j.by[o]) - 1
		if holder < 0 || slices.Contains(j.left, uint16(holder)) && j.augment(holder) {
			j.states[o] = Open
			j.by[o] = 0
			j.pay(answer, o)
			return true
		}
	}
	return false
}

// payVoid assigns an answer to an obligation that was voided: it was given
// before its giver knew.
func (j *judge) payVoid(answer int) bool {
	for o := range j.f.obligations {
		if j.states[o] == Void && j.fits(answer, o) {
			j.pay(answer, o)
			return true
		}
	}
	return false
}

// sum adds up what is owed and finds what nothing explains.
func (j *judge) sum(v *verdict) {
	f, p := j.f, j.f.program
	for o := range f.obligations {
		if j.states[o] != Open {
			continue
		}
		switch r := &p.rules[f.obligations[o].rule]; {
		case r.holds():
			v.owed++
		case !r.optional:
			v.side++
		}
	}
	for _, answer := range j.left {
		e := &f.events[answer]
		if e.flags&entryPays != 0 || !p.surplus(e) {
			continue
		}
		e.flags |= entrySurplus
		v.surplus++
		v.undone = v.undone || p.facts[e.typ].undo
	}
}

// surplus tells whether an answer that pays nothing needs an explanation: no
// service emits it unprompted, and it starts nothing.
func (p *program) surplus(e *entry) bool {
	fact := &p.facts[e.typ]
	if fact.start || slices.Contains(fact.unprompted, e.src) {
		return false
	}
	// Nobody knows whether a service without a name would emit it unprompted.
	return len(fact.unprompted) == 0 || slices.Contains(fact.emitters, e.src)
}

// zeroed returns s with n zero elements.
func zeroed[T any](s []T, n int) []T {
	s = slices.Grow(s[:0], n)[:n]
	clear(s)
	return s
}
