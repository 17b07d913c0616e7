package flow

import "strings"

// Close ends a flow by a person's word.
func (t *Tracker) Close(c *Closing) []Transition {
	t.begin(c.Offset)
	l := t.lines[c.Choreography]
	if l == nil {
		return nil
	}
	f := l.flows.get(c.FlowID)
	if f == nil || f.is(flagClosed) {
		return nil
	}
	t.unretire(f)
	t.shut(f, c.Reason, c.By)
	return t.transitions
}

// shut closes a flow: nothing is owed any more.
func (t *Tracker) shut(f *instance, reason, by string) {
	t.lift(f)
	f.flags |= flagClosed
	f.rarely().reason = strings.Clone(reason)
	f.ended = max(f.updated, t.now)
	tr := t.say(f, Shut)
	tr.Detail = reason
	if by != "" {
		tr.Detail += " (" + by + ")"
	}
	tr.Trace = f.traceOf(0)
	t.judgeAgain(f)
	t.touch(f)
	t.freshen(f)
}

// lift tells of all that is overdue that it is not any more.
func (t *Tracker) lift(f *instance) {
	if !f.is(flagOverdue) {
		return
	}
	for i := range f.obligations {
		if f.obligations[i].flags&owedOverdue != 0 {
			t.relieve(f, i, Lifted)
		}
	}
	if f.is(flagDeadEnd) {
		f.flags &^= flagDeadEnd
		tr := t.say(f, Lifted)
		tr.Due, tr.Finding = f.deadEndDue(), f.rare.deadEnd.why
	}
}

// Gap notes that records may be missing: nothing is claimed any more of the
// flows that are under way, nor of what may come of those that have ended.
func (t *Tracker) Gap(g *Gap) []Transition {
	t.begin(g.Offset)
	for _, l := range t.order {
		for _, f := range l.flows.sorted() {
			if f.is(flagClosed | flagTouched) {
				continue
			}
			t.lift(f)
			if f.is(flagEnded) {
				f.flags |= flagBlurred
			} else {
				f.flags |= flagTouched
			}
			t.judgeAgain(f)
			t.touch(f)
			if f.retired == 0 {
				t.freshen(f)
			}
		}
	}
	return t.transitions
}
