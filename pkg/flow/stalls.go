package flow

import (
	"cmp"
	"container/heap"
	"slices"
	"strings"
)

// stallKind is what stalls are counted by.
type stallKind struct {
	choreography, step, service string
	cause                       Cause
	side                        bool
}

// stall is something of a flow that is overdue, among others of its kind.
type stall struct {
	f     *instance // nil once it is over
	id    string    // of the flow
	since int64
	among *stalls
}

// stalls are those of one kind.
type stalls struct {
	kind  stallKind
	queue stallQueue
	count int // without those that are over
}

// stallQueue has the oldest first, as a heap. Those that are over are left out
// when their turn comes, or when there are many of them.
type stallQueue []*stall

func (q stallQueue) Len() int      { return len(q) }
func (q stallQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *stallQueue) Push(x any)   { *q = append(*q, x.(*stall)) } //nolint:errcheck,forcetypeassert // there is nothing else in it
func (q stallQueue) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(q[i].since, q[j].since), strings.Compare(q[i].id, q[j].id)) < 0
}

func (q *stallQueue) Pop() any {
	last := len(*q) - 1
	s := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	return s
}

// oldest returns the oldest n that are not over.
func (s *stalls) oldest(n int) []*stall {
	var found []*stall
	for len(found) < min(n, s.count) {
		if next := heap.Pop(&s.queue).(*stall); next.f != nil { //nolint:errcheck,forcetypeassert // there is nothing else in it
			found = append(found, next)
		}
	}
	for _, again := range found {
		heap.Push(&s.queue, again)
	}
	return found
}

// stall counts something of f that is overdue.
func (t *Tracker) stall(f *instance, kind stallKind, since int64) *stall {
	among := t.stalls[kind]
	if among == nil {
		among = &stalls{kind: kind}
		t.stalls[kind] = among
	}
	s := &stall{f: f, id: f.id(), since: since, among: among}
	among.count++
	heap.Push(&among.queue, s)
	return s
}

// unstall counts it no more.
func (t *Tracker) unstall(s *stall) {
	among := s.among
	s.f = nil
	among.count--
	switch over := len(among.queue) - among.count; {
	case among.count == 0:
		delete(t.stalls, among.kind)
	case over > among.count+16:
		among.queue = slices.DeleteFunc(among.queue, func(s *stall) bool { return s.f == nil })
		heap.Init(&among.queue)
	}
}

// tallyStalls keeps count of what of f is overdue, for [Tracker.Survey].
func (t *Tracker) tallyStalls(f *instance) {
	if f.rare == nil {
		return
	}
	for i := range f.rare.delays {
		d := &f.rare.delays[i]
		o := &f.obligations[d.obligation]
		kind := stallKind{}
		if o.flags&owedOverdue != 0 {
			r := &f.program.rules[o.rule]
			kind = stallKind{f.line.name, r.step, f.program.serviceNames[r.service], d.why.Cause, r.side}
		}
		d.stall = t.tallyStall(f, d.stall, kind, o.flags&owedOverdue != 0, d.deadline)
	}
	d := &f.rare.deadEnd
	kind := stallKind{}
	if f.is(flagDeadEnd) {
		due := f.deadEndDue()
		kind = stallKind{f.line.name, due.Step, due.Service, DeadEnd, false}
	}
	d.stall = t.tallyStall(f, d.stall, kind, f.is(flagDeadEnd), d.deadline)
}

// tallyStall returns as what something is counted that was counted as was.
func (t *Tracker) tallyStall(f *instance, was *stall, kind stallKind, overdue bool, since int64) *stall {
	if was != nil && overdue && was.among.kind == kind && was.since == since {
		return was
	}
	if was != nil {
		t.unstall(was)
	}
	if !overdue {
		return nil
	}
	return t.stall(f, kind, since)
}

func (t *Tracker) surveyStalled(s *Survey) {
	for kind, among := range t.stalls {
		c := StallCount{Choreography: kind.choreography, Step: kind.step, Service: kind.service, Cause: kind.cause, Side: kind.side, Count: among.count}
		for _, old := range among.oldest(maxExamples) {
			c.Examples = append(c.Examples, StallExample{FlowID: old.id, Key: old.f.key(), Trace: old.f.trace, Since: moment(old.since)})
		}
		s.Stalled = append(s.Stalled, c)
	}
	slices.SortFunc(s.Stalled, byStall)
}

func byStall(a, b StallCount) int {
	side := 0
	if a.Side != b.Side {
		side = 1
		if b.Side {
			side = -1
		}
	}
	return cmp.Or(cmp.Compare(a.Choreography, b.Choreography), cmp.Compare(a.Step, b.Step),
		cmp.Compare(a.Service, b.Service), cmp.Compare(a.Cause, b.Cause), side)
}
