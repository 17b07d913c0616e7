package flow

import "time"

// dueOf says what the obligation at i is. What a gap of pulses adds to its
// deadline shows once that has passed: it depends on nothing but the flow.
func (f *instance) dueOf(i int, due *Due) {
	o := &f.obligations[i]
	p := f.program
	r := &p.rules[o.rule]
	trigger := f.triggerOf(i)
	due.Step, due.Service, due.For = r.step, p.serviceNames[r.service], r.answers
	due.On, due.Trigger = p.typeName(f.events[trigger].typ), trigger+1
	due.Side, due.Optional = r.side, r.optional
	if o.owed == 0 {
		return
	}
	due.Since, due.Deadline = moment(o.owed), moment(o.owed+r.within)
	if o.flags&owedDelayed != 0 {
		due.Deadline = moment(f.delayOf(i).deadline)
	}
}

// triggerOf returns the index of the event that the obligation at i is owed on:
// of a compensation whichever is the later of what is undone and of what
// demands it.
func (f *instance) triggerOf(i int) int {
	o := &f.obligations[i]
	r := &f.program.rules[o.rule]
	last := int(o.trigger)
	if !r.undo() {
		return last
	}
	if first := f.firstOf(r.any); len(r.any) > 0 {
		return max(last, first)
	}
	for _, typ := range r.all {
		last = max(last, f.firstOf([]typeID{typ}))
	}
	return last
}

// firstOf returns the index of the first event of one of the types, or -1.
func (f *instance) firstOf(types []typeID) int {
	for i := range f.events {
		for _, typ := range types {
			if f.events[i].typ == typ {
				return i
			}
		}
	}
	return -1
}

// took is how long the obligation at i took: from when it became owed, as far
// as producers' times tell, until it was paid.
func (f *instance) took(i int) time.Duration {
	o := &f.obligations[i]
	r := &f.program.rules[o.rule]
	from := f.events[f.triggerOf(i)].at
	if trigger := int(o.trigger); r.undo() {
		from = max(from, f.events[trigger].at)
	}
	if k := f.firstOf(r.ifs); k >= 0 {
		from = max(from, f.events[k].at)
	}
	return between(from, f.events[o.by-1].at)
}

// deadEndDue says what a flow at a dead end waits for.
func (f *instance) deadEndDue() Due {
	d := &f.rare.deadEnd
	last := &f.events[d.last]
	return Due{
		Step: DeadEnd.String(), Service: f.program.serviceNames[last.src], On: f.program.typeName(last.typ), Trigger: int(d.last) + 1,
		For: f.program.outcomes, Since: moment(d.deadline - f.program.idle), Deadline: moment(d.deadline),
	}
}
