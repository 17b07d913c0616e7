package flow

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Pulse advances log time, and calls overdue what has not come by then.
func (t *Tracker) Pulse(p *Pulse) []Transition {
	t.begin(p.Offset)
	now := max(nanos(p.Time), t.now)
	if t.now == 0 || p.Anew || now-t.now > int64(gapAfter) {
		t.gapEnd = now
	}
	t.now = now
	t.clocks.pulse(now)
	t.settleFresh()
	changed := t.services.see(p.Queues, now)
	t.lookAtDue()
	for _, service := range changed {
		t.reason(service, false)
	}
	t.buryRetiring()
	t.forgetOld()
	return t.transitions
}

// lookAtDue looks at all flows of which something fell due, in the order in
// which they began: a heap that was built anew has another order.
func (t *Tracker) lookAtDue() {
	t.looking = t.looking[:0]
	for f := t.deadlines.take(t.now); f != nil; f = t.deadlines.take(t.now) {
		t.looking = append(t.looking, f)
	}
	slices.SortFunc(t.looking, byAge)
	for i, f := range t.looking {
		t.look(f)
		t.looking[i] = nil
	}
}

// byAge orders flows by their first events.
func byAge(a, b *instance) int {
	if c := cmp.Compare(a.first, b.first); c != 0 {
		return c
	}
	return cmp.Or(cmp.Compare(a.line.name, b.line.name), strings.Compare(a.id(), b.id()))
}

// settleFresh dates what came since the last pulse: it counts from this one.
// Nothing is said of it, so that the order is of no consequence.
func (t *Tracker) settleFresh() {
	for i, f := range t.fresh {
		t.fresh[i] = nil
		if f.is(flagGone) {
			continue
		}
		f.flags &^= flagFresh
		if f.born == 0 && f.is(flagStarted) {
			f.born = t.now
		}
		f.quiet = t.now
		if f.rare != nil {
			for k := range f.rare.surplus {
				if s := &f.rare.surplus[k]; s.since == 0 {
					s.since = t.now
				}
			}
		}
		for k := range f.obligations {
			if o := &f.obligations[k]; o.owed == 0 && (o.state == Open || o.state == Met) {
				o.owed = t.now
			}
		}
		t.touch(f)
		t.tallyOpen(f)
		if f.over() {
			t.retire(f)
			continue
		}
		t.schedule(f)
	}
	t.fresh = t.fresh[:0]
}

// over tells whether nothing more is expected of a flow.
func (f *instance) over() bool {
	switch {
	case f.is(flagClosed):
		return true
	case !f.is(flagEnded):
		return false
	case f.rare != nil && !f.is(flagTouched|flagBlurred) && slices.ContainsFunc(f.rare.surplus, func(s surplus) bool { return !s.ripe }):
		return false
	}
	for i := range f.obligations {
		if o := &f.obligations[i]; o.state == Open && !f.program.rules[o.rule].optional {
			return false
		}
	}
	return true
}

// schedule has the flow looked at when something of it falls due.
func (t *Tracker) schedule(f *instance) {
	if at := t.next(f); at != 0 {
		t.deadlines.put(f, at)
	}
}

// next is the first moment at which a flow has to be looked at, or 0.
func (t *Tracker) next(f *instance) int64 {
	if !f.judged() {
		return f.quiet + int64(t.cfg.Tombstones)
	}
	next := int64(0)
	by := func(at int64) {
		if next == 0 || at < next {
			next = at
		}
	}
	open := false
	for i := range f.obligations {
		o := &f.obligations[i]
		if o.state != Open {
			continue
		}
		r := &f.program.rules[o.rule]
		open = open || r.holds()
		if o.owed != 0 && o.flags&owedOverdue == 0 && !r.optional {
			by(t.due(o.owed, r.within))
		}
	}
	if f.rare != nil {
		for i := range f.rare.surplus {
			if s := &f.rare.surplus[i]; !s.ripe && s.since != 0 {
				by(t.due(s.since, f.patience(s)))
			}
		}
	}
	switch {
	case f.is(flagEnded):
		by(f.quiet + int64(sideKept))
		return next
	case !open && f.class == 0 && !f.is(flagDeadEnd) && f.quiet != 0:
		by(t.due(f.quiet, f.program.idle))
	}
	if f.program.abandon > 0 && f.born != 0 {
		by(t.due(f.born, f.program.abandon))
	}
	return next
}

// judged tells whether the flow's time is watched: nothing is claimed of one
// without a start, or one that a gap touched.
func (f *instance) judged() bool {
	return f.flags&(flagStarted|flagTouched|flagBlurred|flagClosed) == flagStarted
}

// due is the end of a time that began at the pulse since, with what a gap of
// pulses adds.
func (t *Tracker) due(since, within int64) int64 {
	if since <= t.gapEnd {
		return max(since+within, t.gapEnd+min(within, int64(maxGrace)))
	}
	return since + within
}

// patience is how long an answer that pays nothing may wait for an explanation.
func (f *instance) patience(s *surplus) int64 { return f.program.facts[f.events[s.event].typ].within }

// look deals with what of a flow fell due before now.
func (t *Tracker) look(f *instance) {
	switch {
	case f.retired != 0:
		return
	case f.judged():
		if at := t.next(f); at >= t.now { // what it waited for came
			t.deadlines.put(f, at)
			return
		}
		t.lookClosely(f)
	case f.quiet+int64(t.cfg.Tombstones) < t.now:
		t.retire(f)
	}
	if f.retired == 0 {
		t.schedule(f)
	}
}

func (t *Tracker) lookClosely(f *instance) {
	p := f.program
	changed := false
	if f.rare != nil {
		for i := range f.rare.surplus {
			if s := &f.rare.surplus[i]; !s.ripe && s.since != 0 && t.due(s.since, f.patience(s)) < t.now {
				t.ripen(f, s)
				changed = true
			}
		}
	}
	for i := range f.obligations {
		o := &f.obligations[i]
		r := &p.rules[o.rule]
		if o.state != Open || r.optional || o.owed == 0 || o.flags&owedOverdue != 0 {
			continue
		}
		if due := t.due(o.owed, r.within); due < t.now {
			t.callOverdue(f, i, due)
			changed = true
		}
	}
	v := t.judge.do(f)
	if !f.is(flagEnded|flagDeadEnd) && v.owed == 0 && !v.decided() {
		if due := t.due(f.quiet, p.idle); due < t.now {
			t.callDeadEnd(f, due)
			changed = true
		}
	}
	if changed {
		t.settleStatus(f, &v)
		t.touch(f)
	}
	if p.abandon > 0 && !f.is(flagEnded) && f.born != 0 && t.due(f.born, p.abandon) < t.now {
		t.shut(f, "abandoned "+time.Duration(p.abandon).String()+" after its start", "contract")
		return
	}
	if f.over() || f.is(flagEnded) && f.quiet+int64(sideKept) < t.now {
		t.retire(f)
	}
}

// sideKept is how long an ended flow is kept for side obligations that nobody
// meets.
const sideKept = 24 * time.Hour

// callOverdue notes that an obligation's deadline has passed.
func (t *Tracker) callOverdue(f *instance, i int, deadline int64) {
	o := &f.obligations[i]
	f.stalls++
	r := f.rarely()
	found := delay{obligation: uint16(i), deadline: deadline, found: t.now, why: t.diagnose(f, i, deadline)} //nolint:gosec // at most maxMaxEvents
	if o.flags&owedDelayed == 0 {
		r.delays = append(r.delays, found)
	} else {
		*f.delayOf(i) = found
	}
	o.flags |= owedOverdue | owedDelayed
	tr := t.say(f, Overdue)
	tr.Obligation, tr.Finding = i+1, found.why
	tr.Trace = f.traceOf(f.triggerOf(i))
	f.dueOf(i, &tr.Due)
}

// callDeadEnd notes that a flow is quiet, without an outcome or a debt.
func (t *Tracker) callDeadEnd(f *instance, due int64) {
	f.flags |= flagDeadEnd
	f.stalls++
	last := f.lastStep()
	f.rarely().deadEnd = deadEnd{
		deadline: due, found: t.now, last: uint16(last), //nolint:gosec // at most maxMaxEvents
		why: Finding{
			Cause: DeadEnd, Certainty: Certain,
			Evidence: "the flow has no outcome and by its contract nobody owes it anything",
		},
	}
	tr := t.say(f, Overdue)
	tr.Due, tr.Finding = f.deadEndDue(), f.rare.deadEnd.why
	tr.Trace = f.traceOf(last)
}

// lastStep returns the index of the last event that is not a mere side effect.
func (f *instance) lastStep() int {
	for i := len(f.events) - 1; i > 0; i-- {
		if typ := f.events[i].typ; typ == foreignType || !f.program.facts[typ].side {
			return i
		}
	}
	return 0
}
