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
	// search is for contracts in which reactions share answers.
	search search
}

// verdict is what was found.
type verdict struct {
	// owed counts what holds the flow open.
	owed int
	// surplus counts answers that pay nothing.
	surplus   int
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
//
// An obligation counts as paid when as many can be: first those that an answer
// can pay which one of their own triggers caused, then whatever can be paid
// besides, always the oldest first, what holds the flow before what does not,
// and what was voided last.
func (j *judge) do(f *instance) verdict {
	j.f = f
	v := j.count()
	n := len(f.obligations)
	j.states, j.by = zeroed(j.states, n), zeroed(j.by, n)
	j.conditions(0, v.started)
	if f.program.overlap {
		j.payOverlapping()
	} else {
		j.payByCause(0)
		j.payByCount()
	}
	j.sum(&v)
	j.remember(&v)
	return v
}

// doNext judges a flow anew after the event at i, the last, was added, which
// introduced the obligations from first on. Where all that was judged before
// stands, it looks at nothing else.
func (j *judge) doNext(f *instance, i, first int) verdict {
	typ := f.events[i].typ
	if !f.is(flagSettled) || f.is(flagClosed) || typ != foreignType && f.program.facts[typ].condition {
		return j.do(f)
	}
	j.f = f
	v := verdict{started: true}
	v.note(choreography.Class(f.class))
	if typ != foreignType {
		v.note(f.program.facts[typ].class)
	}
	n := len(f.obligations)
	j.states, j.by = zeroed(j.states, n), zeroed(j.by, n)
	for o := range f.obligations[:first] {
		j.states[o], j.by[o] = f.obligations[o].state, f.obligations[o].by
	}
	if first < n {
		j.countTypes()
		j.conditions(first, true)
	}
	j.payByCause(i)
	j.payByCount()
	j.sum(&v)
	j.remember(&v)
	return v
}

// remember notes in the flow whether what was found stands until a condition of
// the contract changes. It does where each answer had a cause that says what it
// pays: then no later event can have it pay anything else.
func (j *judge) remember(v *verdict) {
	f := j.f
	j.f = nil
	if v.started && !f.program.overlap && len(j.left) == 0 && (!v.completed || !v.failed) {
		f.flags |= flagSettled
	} else {
		f.flags &^= flagSettled
	}
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
		v.note(fact.class)
	}
	return v
}

// note takes over the class of an event.
func (v *verdict) note(class choreography.Class) {
	switch class {
	case choreography.Completed:
		v.completed = true
	case choreography.Failed:
		v.failed = true
	case choreography.None:
	}
}

// countTypes counts events by type.
func (j *judge) countTypes() {
	j.counts = zeroed(j.counts, len(j.f.program.typeNames))
	for i := range j.f.events {
		if typ := j.f.events[i].typ; typ != foreignType {
			j.counts[typ]++
		}
	}
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

// conditions says of each obligation from the first on whether it is owed at
// all. A flow that was closed owes nothing.
func (j *judge) conditions(first int, started bool) {
	closed := j.f.is(flagClosed)
	for i := first; i < len(j.f.obligations); i++ {
		r := &j.f.program.rules[j.f.obligations[i].rule]
		switch {
		case !started,
			len(r.ifs) > 0 && !j.has(r.ifs),
			r.undo() && len(r.any) > 0 && !j.has(r.any),
			r.undo() && len(r.all) > 0 && !j.hasAll(r.all):
			j.states[i] = Dormant
		case closed, len(r.unless) > 0 && j.has(r.unless):
			j.states[i] = Void
		default:
			j.states[i] = Open
		}
	}
}

// payByCause gives each answer from the first on to an obligation that its cause
// is a trigger of. What was void already is answered all the same, and stays
// void.
func (j *judge) payByCause(first int) {
	j.left = j.left[:0]
	p := j.f.program
	for i := first; i < len(j.f.events); i++ {
		e := &j.f.events[i]
		if e.typ == foreignType || len(p.byAnswer[e.typ]) == 0 {
			continue
		}
		if e.causeIndex == 0 || !j.payCaused(i, int(e.causeIndex)-1) {
			j.left = append(j.left, uint16(i)) //nolint:gosec // at most maxMaxEvents
		}
	}
}

func (j *judge) payCaused(answer, cause int) bool {
	f, p := j.f, j.f.program
	e, c := &f.events[answer], &f.events[cause]
	if c.typ == foreignType {
		return false
	}
	for _, ri := range p.byAnswer[e.typ] {
		// Of joins and compensations any may be meant, of others only what the
		// cause introduced.
		shared := p.rules[ri].shares(c.typ)
		first := 0
		if !shared {
			first = f.introducedBy(cause)
		}
		for o := first; o < len(f.obligations) && (shared || int(f.obligations[o].trigger) == cause); o++ {
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
	return j.by[o] == 0 && j.states[o] != Dormant && j.f.answers(answer, o)
}

// answers tells whether the event at this index is an answer to the obligation
// at o.
func (f *instance) answers(answer, o int) bool {
	e := &f.events[answer]
	r := &f.program.rules[f.obligations[o].rule]
	return slices.Contains(r.emits, e.typ) && f.program.pays(r, e.typ, e.src)
}

func (j *judge) pay(answer, o int) {
	j.by[o] = uint16(answer) + 1 //nolint:gosec // at most maxMaxEvents
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
	for _, answer := range j.left {
		for _, ri := range j.f.program.byAnswer[j.f.events[answer].typ] {
			if j.payOldest(int(answer), ri) {
				break
			}
		}
	}
}

// payOldest pays the oldest obligation of a rule that no answer has paid. All
// obligations of one rule are open, or none is, and what fits one fits all.
func (j *judge) payOldest(answer int, rule uint16) bool {
	for o := j.next[rule]; o < len(j.f.obligations); o++ {
		if j.f.obligations[o].rule == rule && j.by[o] == 0 {
			j.next[rule] = o
			if !j.fits(answer, o) {
				return false
			}
			j.pay(answer, o)
			return true
		}
	}
	j.next[rule] = len(j.f.obligations)
	return false
}

// sum adds up what is owed and finds what nothing explains. Of a flow without
// its start nothing is claimed.
func (j *judge) sum(v *verdict) {
	f, p := j.f, j.f.program
	for o := range f.obligations {
		if j.states[o] == Open && p.rules[f.obligations[o].rule].holds() {
			v.owed++
		}
	}
	if !v.started {
		return
	}
	for _, answer := range j.left {
		e := &f.events[answer]
		if e.flags&entryPays != 0 || !p.surplus(e) {
			continue
		}
		e.flags |= entrySurplus
		v.surplus++
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
