package flow

import "slices"

// update judges a flow after the event at i was added, and says what changed.
func (t *Tracker) update(f *instance, i int) {
	v := t.judge.do(f)
	if v.started && !f.is(flagStarted) {
		t.start(f)
	}
	t.reconcile(f)
	t.leaveDeadEnd(f, i)
	t.weighSurplus(f, &v)
	t.settleStatus(f, &v)
}

// surplusPending is a due time that the next pulse will set.
const surplusPending = -1

// weighSurplus gives time for an explanation when another answer pays nothing.
func (t *Tracker) weighSurplus(f *instance, v *verdict) {
	more := v.surplus > int(f.surplus)
	f.surplus = uint16(v.surplus)
	switch {
	case v.surplus == 0:
		f.surplusDue = 0
		f.flags &^= flagRipe
	case more && !f.is(flagRipe):
		f.surplusDue = surplusPending
	case more:
		t.blameSurplus(f)
	}
}

// blameSurplus records the answers that nothing explains.
func (t *Tracker) blameSurplus(f *instance) {
	for i := range f.events {
		if e := &f.events[i]; e.flags&(entrySurplus|entryBlamed) == entrySurplus {
			e.flags |= entryBlamed
			t.deviate(f, Unexpected, f.program.typeName(e.typ))
		}
	}
}

// start notes that the flow's start is there.
func (t *Tracker) start(f *instance) {
	f.flags |= flagStarted
	i := slices.IndexFunc(f.events, func(e entry) bool { return e.typ != foreignType && f.program.facts[e.typ].start })
	f.started = f.events[i].at
	tr := t.say(f, Started)
	tr.Trace = f.traceOf(i)
}

// reconcile takes over what was judged, and tells what became of each
// obligation.
func (t *Tracker) reconcile(f *instance) {
	for i := range f.obligations {
		o := &f.obligations[i]
		was, is := o.state, t.judge.states[i]
		o.state, o.by = is, t.judge.by[i]
		if was == is {
			continue
		}
		o.flags &^= owedUntold
		switch {
		case is == Met:
			t.met(f, i)
		case o.flags&owedOverdue != 0:
			t.relieve(f, i, Lifted)
		}
	}
}

// met tells that an obligation was paid.
func (t *Tracker) met(f *instance, i int) {
	o := &f.obligations[i]
	r := &f.program.rules[o.rule]
	late := o.flags&owedOverdue != 0 || o.owed != 0 && r.within > 0 && !r.optional && t.now > t.due(o, r)
	tr := t.say(f, Paid)
	tr.Obligation, tr.Due, tr.Late = i+1, f.dueOf(i), late
	tr.Duration = between(f.events[o.trigger].at, f.events[o.by-1].at)
	tr.Trace = f.traceOf(int(o.by) - 1)
	if late {
		o.flags |= owedLateFound
		t.deviate(f, Late, f.program.typeName(f.events[o.by-1].typ))
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
	tr.Obligation, tr.Due = i+1, f.dueOf(i)
	if o.why != nil {
		tr.Finding = *o.why
	}
	if o.by > 0 {
		tr.Trace = f.traceOf(int(o.by) - 1)
		tr.Duration = between(f.events[o.trigger].at, f.events[o.by-1].at)
	}
}

// leaveDeadEnd tells that a flow at a dead end goes on.
func (t *Tracker) leaveDeadEnd(f *instance, i int) {
	if !f.is(flagDeadEnd) {
		return
	}
	f.flags &^= flagDeadEnd
	tr := t.say(f, Recovered)
	tr.Due = f.deadEndDue()
	tr.Finding = f.rare.deadEnd
	tr.Trace = f.traceOf(i)
}

// settleStatus works out the status, and tells where it changed. A nil verdict
// means that the flow was not judged anew.
func (t *Tracker) settleStatus(f *instance, v *verdict) {
	if v == nil {
		again := t.judge.do(f)
		v = &again
	}
	was := f.is(flagEnded)
	f.class = v.class()
	// An undo that pays nothing may yet find what it undid, before the end.
	ended := v.decided() && v.owed == 0 && (was || !v.undone || f.is(flagRipe))
	to := t.statusOf(f, v, ended)
	if ended {
		f.flags |= flagEnded
	} else {
		f.flags &^= flagEnded
	}
	spoiled := false
	if to == Inconsistent || to == Stalled {
		spoiled = !f.is(flagUnclean | flagEndedOnce)
		f.flags |= flagUnclean
	}
	if was && !ended && !f.is(flagClosed) && f.is(flagStarted) {
		t.say(f, Reopened)
	}
	t.setStatus(f, to, spoiled)
	if ended && !was {
		t.end(f)
	}
	t.noteStalled(f)
}

func (t *Tracker) statusOf(f *instance, v *verdict, ended bool) Status {
	switch {
	case f.is(flagClosed):
		return Closed
	case !f.is(flagStarted) || f.is(flagTouched):
		return Unknown
	case v.completed && v.failed || v.undone && v.owed == 0 && f.is(flagRipe):
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
	f.ended = f.updated
	if !f.is(flagStarted) || f.is(flagTouched) || f.is(flagClosed) {
		return // nothing is claimed of it
	}
	tr := t.say(f, Ended)
	tr.Class, tr.Again, tr.Clean = f.class, f.is(flagEndedOnce), !f.is(flagUnclean)
	tr.To = f.status
	tr.Duration = between(f.started, f.ended)
	tr.Trace = f.traceOf(len(f.events) - 1)
	f.flags |= flagEndedOnce
}

// noteStalled keeps the set of flows that have something overdue.
func (t *Tracker) noteStalled(f *instance) {
	stalled := f.is(flagDeadEnd) || slices.ContainsFunc(f.obligations, func(o obligation) bool { return o.flags&owedOverdue != 0 })
	switch {
	case stalled == f.is(flagOverdue):
	case stalled:
		f.flags |= flagOverdue
		t.stalled[f] = struct{}{}
	default:
		f.flags &^= flagOverdue
		delete(t.stalled, f)
	}
}

// dueOf says what the obligation at i is.
func (f *instance) dueOf(i int) Due {
	o := &f.obligations[i]
	r := &f.program.rules[o.rule]
	return Due{
		Step: r.step, Service: f.program.serviceNames[r.service],
		On: f.program.typeName(f.events[o.trigger].typ), Trigger: int(o.trigger) + 1, For: r.answers,
		Since: moment(o.owed), Deadline: moment(o.deadline), Side: r.side, Optional: r.optional,
	}
}

// deadEndDue says what a flow at a dead end waits for.
func (f *instance) deadEndDue() Due {
	due := Due{Step: DeadEnd.String(), Trigger: len(f.events)}
	if n := len(f.events); n > 0 {
		due.On = f.program.typeName(f.events[n-1].typ)
		due.Service = f.program.serviceNames[f.events[n-1].src]
	}
	for _, names := range [][]string{f.program.contract.Outcomes.Completed, f.program.contract.Outcomes.Failed} {
		due.For = append(due.For, names...)
	}
	if f.rare != nil && f.rare.since != 0 {
		due.Since, due.Deadline = moment(f.rare.since-f.program.idle), moment(f.rare.since)
	}
	return due
}
