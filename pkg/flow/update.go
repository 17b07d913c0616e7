package flow

import (
	"slices"

	"github.com/laban-io/laban/pkg/choreography"
)

// update judges a flow after the event at i was added, and the obligations from
// first on, and says what changed.
func (t *Tracker) update(f *instance, i, first int) {
	v := t.judge.doNext(f, i, first)
	if v.started && !f.is(flagStarted) {
		t.start(f)
	}
	t.reconcile(f)
	t.leaveDeadEnd(f, i)
	f.weighSurplus(&v)
	t.settleStatus(f, &v)
}

// weighSurplus notes which answers pay nothing. The next pulse gives them time
// to find an explanation.
func (f *instance) weighSurplus(v *verdict) {
	if v.surplus == 0 && (f.rare == nil || len(f.rare.surplus) == 0) {
		return
	}
	r := f.rarely()
	r.surplus = slices.DeleteFunc(r.surplus, func(s surplus) bool {
		e := &f.events[s.event]
		if e.flags&entrySurplus != 0 {
			return false
		}
		e.flags &^= entryWeighed
		return true
	})
	for i := range f.events {
		if e := &f.events[i]; e.flags&(entrySurplus|entryWeighed) == entrySurplus {
			e.flags |= entryWeighed
			r.surplus = append(r.surplus, surplus{event: uint16(i)})
		}
	}
}

// undone tells whether something was undone that was not done: one that had
// its time to find an explanation, or one that still has.
func (f *instance) undone() (ripe, unripe bool) {
	if f.rare == nil {
		return false, false
	}
	for i := range f.rare.surplus {
		if s := &f.rare.surplus[i]; f.program.facts[f.events[s.event].typ].undo {
			ripe, unripe = ripe || s.ripe, unripe || !s.ripe
		}
	}
	return ripe, unripe
}

// ripen ends the time that the answer s had, and records it.
func (t *Tracker) ripen(f *instance, s *surplus) {
	s.ripe = true
	if e := &f.events[s.event]; e.flags&entryBlamed == 0 {
		e.flags |= entryBlamed
		t.deviate(f, Unexpected, f.program.typeName(e.typ))
	}
}

// start notes that the flow's start is there.
func (t *Tracker) start(f *instance) {
	f.flags |= flagStarted
	i := f.startIndex()
	f.started = f.events[i].at
	tr := t.say(f, Started)
	tr.Trace = f.traceOf(i)
}

// startIndex returns the index of the first start event, or -1.
func (f *instance) startIndex() int {
	return slices.IndexFunc(f.events, func(e entry) bool { return e.typ != foreignType && f.program.facts[e.typ].start })
}

// reconcile takes over what was judged, and tells what became of each
// obligation.
func (t *Tracker) reconcile(f *instance) {
	for i := range f.obligations {
		o := &f.obligations[i]
		was, is := o.state, t.judge.states[i]
		o.state, o.by = is, t.judge.by[i]
		switch {
		case was == is:
		case is == Met:
			t.met(f, i)
		case o.flags&owedOverdue != 0:
			t.relieve(f, i, Lifted)
		}
	}
}

// met tells that an obligation was paid: once, also where it is open in between
// because its answer turned out to be that of another.
func (t *Tracker) met(f *instance, i int) {
	o := &f.obligations[i]
	if o.flags&owedTold == 0 {
		o.flags |= owedTold
		r := &f.program.rules[o.rule]
		late := o.flags&owedOverdue != 0 || o.owed != 0 && r.within > 0 && !r.optional && t.now > t.due(o.owed, r.within)
		tr := t.say(f, Paid)
		tr.Obligation, tr.Late, tr.Duration = i+1, late, f.took(i)
		tr.Trace = f.traceOf(int(o.by) - 1)
		f.dueOf(i, &tr.Due)
		if late {
			t.deviate(f, Late, f.program.typeName(f.events[o.by-1].typ))
		}
	}
	if o.flags&owedOverdue != 0 {
		t.relieve(f, i, Recovered)
	}
}

// relieve tells that an overdue obligation is overdue no more.
func (t *Tracker) relieve(f *instance, i int, kind Kind) {
	o := &f.obligations[i]
	o.flags &^= owedOverdue
	tr := t.say(f, kind)
	tr.Obligation, tr.Finding = i+1, f.delayOf(i).why
	f.dueOf(i, &tr.Due)
	if kind == Recovered {
		tr.Trace = f.traceOf(int(o.by) - 1)
		tr.Duration = f.took(i)
	}
}

// leaveDeadEnd tells that the event at i leads a flow out of a dead end.
func (t *Tracker) leaveDeadEnd(f *instance, i int) {
	if !f.is(flagDeadEnd) {
		return
	}
	f.flags &^= flagDeadEnd
	f.rare.deadEnd.by = uint16(i) + 1 //nolint:gosec // at most maxMaxEvents
	tr := t.say(f, Recovered)
	tr.Due = f.deadEndDue()
	tr.Finding = f.rare.deadEnd.why
	tr.Trace = f.traceOf(i)
}

// settleStatus works out the status, and tells where it changed.
func (t *Tracker) settleStatus(f *instance, v *verdict) {
	was := f.is(flagEnded)
	f.class = uint8(v.class()) //nolint:gosec // there are three
	ripe, unripe := f.undone()
	// An undo that pays nothing may yet find what it undid, before the end.
	ended := v.started && v.decided() && v.owed == 0 && (was || !unripe)
	if was && !ended {
		t.reopen(f)
	}
	if ended {
		f.flags |= flagEnded
	} else {
		f.flags &^= flagEnded
	}
	to := t.statusOf(f, v, ripe && v.owed == 0)
	spoiled := false
	if to == Inconsistent || to == Stalled {
		spoiled = !f.is(flagUnclean | flagEndedOnce)
		f.flags |= flagUnclean
	}
	t.setStatus(f, to, spoiled)
	if ended && !was {
		t.end(f)
	}
	t.noteStalled(f)
	t.tallyOpen(f)
}

// judgeAgain judges a flow whose events are the same, because something else of
// it has changed.
func (t *Tracker) judgeAgain(f *instance) {
	v := t.judge.do(f)
	t.reconcile(f)
	f.weighSurplus(&v)
	t.settleStatus(f, &v)
}

// reopen notes that something is owed again after the end.
func (t *Tracker) reopen(f *instance) {
	f.born = 0
	if f.is(flagBlurred) {
		f.flags |= flagTouched
	}
	if f.judged() {
		t.say(f, Reopened)
	}
}

func (t *Tracker) statusOf(f *instance, v *verdict, undone bool) Status {
	ended := f.is(flagEnded)
	switch {
	case f.is(flagClosed):
		return Closed
	case !f.is(flagStarted) || f.is(flagTouched):
		return Unknown
	case v.completed && v.failed || undone:
		return Inconsistent
	case f.overdue():
		return Stalled
	case ended && v.completed:
		return Completed
	case ended:
		return Failed
	case v.failed:
		return Compensating
	default:
		return Running
	}
}

// overdue tells whether anything that holds the flow is overdue.
func (f *instance) overdue() bool {
	if f.is(flagDeadEnd) {
		return true
	}
	if f.rare == nil || len(f.rare.delays) == 0 {
		return false
	}
	for i := range f.obligations {
		if o := &f.obligations[i]; o.flags&owedOverdue != 0 && f.program.rules[o.rule].holds() {
			return true
		}
	}
	return false
}

func (t *Tracker) setStatus(f *instance, to Status, spoiled bool) {
	if to == f.status {
		return
	}
	tr := t.say(f, Changed)
	tr.From, tr.To, tr.Spoiled = f.status, to, spoiled
	tr.Trace = f.traceOf(len(f.events) - 1)
	if f.retired == 0 {
		f.line.counts[f.status]--
		f.line.counts[to]++
	}
	f.status = to
	t.touch(f)
}

// end notes that the flow has an outcome and owes nothing.
func (t *Tracker) end(f *instance) {
	if f.is(flagClosed) {
		return
	}
	f.ended = f.updated
	if f.is(flagTouched) {
		return // nothing is claimed of it
	}
	tr := t.say(f, Ended)
	tr.Class, tr.Again, tr.Clean = choreography.Class(f.class), f.is(flagEndedOnce), !f.is(flagUnclean)
	tr.To = f.status
	tr.Duration = between(f.started, f.ended)
	tr.Trace = f.traceOf(len(f.events) - 1)
	f.flags |= flagEndedOnce
}

// noteStalled keeps the set of flows that have something overdue.
func (t *Tracker) noteStalled(f *instance) {
	stalled := f.is(flagDeadEnd) ||
		f.rare != nil && len(f.rare.delays) > 0 && slices.ContainsFunc(f.obligations, func(o obligation) bool { return o.flags&owedOverdue != 0 })
	switch {
	case stalled == f.is(flagOverdue):
	case stalled:
		f.flags |= flagOverdue
		t.stalled[f] = struct{}{}
	default:
		f.flags &^= flagOverdue
		delete(t.stalled, f)
	}
	t.tallyStalls(f)
}
