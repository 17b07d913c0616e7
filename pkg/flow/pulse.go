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
	now := max(p.Time.UnixNano(), t.now)
	if t.now == 0 || now-t.now > int64(gapAfter) {
		t.gapEnd = now
	}
	t.now = now
	t.clocks.pulse(now)
	t.settleFresh()
	changed := t.services.see(p.Queues, now)
	t.lookAtDue()
	for _, service := range changed {
		t.reason(service)
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
	return cmp.Or(cmp.Compare(a.first, b.first), cmp.Compare(a.line.name, b.line.name), cmp.Compare(a.id, b.id))
}

// settleFresh dates what came since the last pulse: it counts from this one.
func (t *Tracker) settleFresh() {
	slices.SortFunc(t.fresh, byAge)
	for i, f := range t.fresh {
		t.fresh[i] = nil
		if f.is(flagGone) {
			continue
		}
		f.flags &^= flagFresh
		if f.born == 0 {
			f.born = t.now
		}
		f.quiet = t.now
		if f.surplusDue == surplusPending {
			f.surplusDue = t.now + f.surplusTime()
		}
		for k := range f.obligations {
			if o := &f.obligations[k]; o.state == Open && o.owed == 0 {
				o.owed = t.now
				o.deadline = t.now + f.program.rules[o.rule].within
			}
		}
		t.touch(f)
		if f.over() {
			t.retire(f)
			continue
		}
		t.schedule(f)
	}
	t.fresh = t.fresh[:0]
}

// surplusTime is how long what pays nothing may wait for an explanation.
func (f *instance) surplusTime() int64 {
	longest := int64(0)
	for i := range f.events {
		e := &f.events[i]
		if e.flags&entrySurplus == 0 {
			continue
		}
		for _, r := range f.program.byAnswer[e.typ] {
			longest = max(longest, f.program.rules[r].within)
		}
	}
	return longest
}

// over tells whether nothing more is expected of a flow.
func (f *instance) over() bool {
	if !f.is(flagEnded|flagClosed) || f.surplusDue != 0 {
		return false
	}
	return f.is(flagClosed) || !slices.ContainsFunc(f.obligations, func(o obligation) bool {
		return o.state == Open && !f.program.rules[o.rule].optional
	})
}

// schedule has the flow looked at when something of it falls due.
func (t *Tracker) schedule(f *instance) {
	if at := t.next(f); at != 0 {
		t.deadlines.put(f, at)
	}
}

// next is the first moment at which a flow has to be looked at, or 0.
func (t *Tracker) next(f *instance) int64 {
	next := int64(0)
	by := func(at int64) {
		if at > 0 && (next == 0 || at < next) {
			next = at
		}
	}
	if !f.judged() {
		by(f.quiet + int64(t.cfg.Tombstones))
		return next
	}
	open := false
	for i := range f.obligations {
		o := &f.obligations[i]
		r := &f.program.rules[o.rule]
		if o.state != Open || r.optional {
			continue
		}
		open = open || !r.side
		if o.owed != 0 && o.flags&owedOverdue == 0 {
			by(t.due(o, r))
		}
	}
	by(f.surplusDue)
	if f.is(flagEnded) {
		by(f.quiet + int64(sideKept))
	} else {
		if !open && f.class == 0 && !f.is(flagDeadEnd) {
			by(t.quietDue(f))
		}
		if f.program.abandon > 0 && f.born > 0 {
			by(f.born + f.program.abandon)
		}
	}
	return next
}

// judged tells whether the flow's time is watched: nothing is claimed of one
// without a start, or one that a gap touched.
func (f *instance) judged() bool { return f.is(flagStarted) && !f.is(flagTouched|flagClosed) }

// due is an obligation's deadline, with the time that a gap of pulses gave it.
func (t *Tracker) due(o *obligation, r *rule) int64 {
	if o.owed <= t.gapEnd {
		return max(o.deadline, t.gapEnd+min(r.within, int64(maxGrace)))
	}
	return o.deadline
}

// quietDue is when a flow without an outcome or a debt has been quiet too long.
func (t *Tracker) quietDue(f *instance) int64 {
	if f.quiet == 0 {
		return 0
	}
	due := f.quiet + f.program.idle
	if f.quiet <= t.gapEnd {
		due = max(due, t.gapEnd+min(f.program.idle, int64(maxGrace)))
	}
	return due
}

// look deals with what of a flow fell due before now.
func (t *Tracker) look(f *instance) {
	switch {
	case f.retired != 0:
		return
	case f.judged():
		t.lookClosely(f)
	case f.quiet+int64(t.cfg.Tombstones) < t.now:
		t.retire(f)
	}
	if f.retired == 0 {
		t.schedule(f)
	}
}

func (t *Tracker) lookClosely(f *instance) {
	changed := false
	if f.surplusDue > 0 && f.surplusDue < t.now {
		f.surplusDue = 0
		f.flags |= flagRipe
		t.blameSurplus(f)
		changed = true
	}
	for i := range f.obligations {
		o := &f.obligations[i]
		r := &f.program.rules[o.rule]
		if o.state != Open || r.optional || o.owed == 0 || o.flags&owedOverdue != 0 {
			continue
		}
		if due := t.due(o, r); due < t.now {
			o.deadline = due
			t.callOverdue(f, i)
			changed = true
		}
	}
	v := t.judge.do(f)
	if due := t.quietDue(f); !f.is(flagEnded|flagDeadEnd) && v.owed == 0 && !v.decided() && due != 0 && due < t.now {
		t.callDeadEnd(f, due)
		changed = true
	}
	if p := f.program; p.abandon > 0 && !f.is(flagEnded) && f.born+p.abandon < t.now {
		t.shut(f, "abandoned "+time.Duration(p.abandon).String()+" after its start", "contract")
		return
	}
	if changed {
		t.settleStatus(f, &v)
		t.touch(f)
	}
	if f.over() || f.is(flagEnded) && f.quiet+int64(sideKept) < t.now {
		t.retire(f)
	}
}

// sideKept is how long an ended flow is kept for side obligations that nobody
// meets.
const sideKept = 24 * time.Hour

// callOverdue notes that an obligation's deadline has passed.
func (t *Tracker) callOverdue(f *instance, i int) {
	o := &f.obligations[i]
	o.flags |= owedOverdue
	o.found = t.now
	f.stalls++
	found := t.diagnose(f, i)
	o.why = &found
	tr := t.say(f, Overdue)
	tr.Obligation, tr.Due, tr.Finding = i+1, f.dueOf(i), found
	tr.Trace = f.traceOf(int(o.trigger))
}

// callDeadEnd notes that a flow is quiet, without an outcome or a debt.
func (t *Tracker) callDeadEnd(f *instance, due int64) {
	f.flags |= flagDeadEnd
	f.stalls++
	r := f.rarely()
	r.since, r.found = due, t.now
	r.deadEnd = Finding{
		Cause: DeadEnd, Certainty: Certain,
		Evidence: "the flow has no outcome and by its contract nobody owes it anything",
	}
	tr := t.say(f, Overdue)
	tr.Due, tr.Finding = f.deadEndDue(), r.deadEnd
	tr.Trace = f.traceOf(len(f.events) - 1)
}

// retire makes a flow a tombstone.
func (t *Tracker) retire(f *instance) {
	f.retired = t.now
	t.live--
	f.line.counts[f.status]--
	t.retiring = append(t.retiring, f)
	f.compact()
	t.touch(f)
}

// buryRetiring puts those that retired at this pulse among the tombstones.
func (t *Tracker) buryRetiring() {
	slices.SortFunc(t.retiring, byAge)
	for i, f := range t.retiring {
		t.retired.put(f, f.retired)
		t.retiring[i] = nil
	}
	t.retiring = t.retiring[:0]
}

// unpack takes a flow up again, for another event.
func (t *Tracker) unpack(f *instance) {
	if f.retired != 0 {
		f.retired = 0
		t.retired.live--
		t.live++
		f.line.counts[f.status]++
	}
	t.expand(f)
}

// compact leaves out of a flow what its events tell anyway.
func (f *instance) compact() {
	f.events = slices.Clip(f.events)
	f.obligations = nil
	f.flags |= flagCompact
}

// expand is the inverse of compact.
func (t *Tracker) expand(f *instance) {
	if !f.is(flagCompact) {
		return
	}
	f.flags &^= flagCompact
	for i := range f.events {
		f.introduce(i)
	}
	t.judge.do(f)
	for i := range f.obligations {
		o := &f.obligations[i]
		o.state, o.by = t.judge.states[i], t.judge.by[i]
		o.flags |= owedUntold
	}
}

// forgetOld forgets the tombstones that are too old or too many.
func (t *Tracker) forgetOld() {
	for f := t.retired.front(); f != nil; f = t.retired.front() {
		if t.retired.live <= t.cfg.MaxTombstones && f.retired+int64(t.cfg.Tombstones) >= t.now {
			return
		}
		t.retired.drop()
		t.retired.live--
		t.forget(f)
	}
}

func (t *Tracker) forget(f *instance) {
	t.touch(f)
	f.flags |= flagGone
	delete(f.line.flows, f.id)
	if f.line.keys[f.key] == f {
		delete(f.line.keys, f.key)
	}
	t.say(f, Forgotten)
}

// Close ends a flow by a person's word.
func (t *Tracker) Close(c *Closing) []Transition {
	t.begin(c.Offset)
	l := t.lines[c.Choreography]
	if l == nil {
		return nil
	}
	f := l.flows[c.FlowID]
	if f == nil || f.is(flagClosed) {
		return nil
	}
	t.unpack(f)
	t.shut(f, c.Reason, c.By)
	t.freshen(f)
	return t.transitions
}

// shut closes a flow: nothing is owed any more.
func (t *Tracker) shut(f *instance, reason, by string) {
	f.flags |= flagClosed
	f.rarely().reason = strings.Clone(reason)
	t.lift(f)
	f.ended = max(f.updated, t.now)
	tr := t.say(f, Shut)
	tr.Detail = reason
	if by != "" {
		tr.Detail += " (" + by + ")"
	}
	tr.Trace = f.traceOf(0)
	t.settleStatus(f, nil)
	t.touch(f)
	t.freshen(f)
}

// lift tells of all that is overdue that it is not any more.
func (t *Tracker) lift(f *instance) {
	for i := range f.obligations {
		if f.obligations[i].flags&owedOverdue != 0 {
			t.relieve(f, i, Lifted)
		}
	}
	if f.is(flagDeadEnd) {
		f.flags &^= flagDeadEnd
		tr := t.say(f, Lifted)
		tr.Due, tr.Finding = f.deadEndDue(), f.rare.deadEnd
	}
}

// Gap notes that records may be missing: nothing is claimed any more of the
// flows that are under way.
func (t *Tracker) Gap(g *Gap) []Transition {
	t.begin(g.Offset)
	for _, l := range t.order {
		for _, id := range sortedKeys(l.flows) {
			f := l.flows[id]
			if f.retired != 0 || f.is(flagClosed|flagEnded) {
				continue
			}
			t.lift(f)
			f.flags |= flagTouched
			t.settleStatus(f, nil)
			t.touch(f)
			t.freshen(f)
		}
	}
	return t.transitions
}

func sortedKeys[T any](m map[string]T) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
