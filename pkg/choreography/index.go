package choreography

import "slices"

// index is who emits what, and who reacts to what, in one choreography.
type index struct {
	c        *Choreography
	events   []string         // all that the reactions, starts and outcomes name, in the order of the file
	number   map[string]int   // of events, in that list
	emitters map[string][]int // reactions, by what they emit
	reactors map[string][]int // reactions, by what they wait for
}

func newIndex(c *Choreography) *index {
	x := &index{c: c, number: map[string]int{}, emitters: map[string][]int{}, reactors: map[string][]int{}}
	x.add(c.Starts...)
	for i, r := range c.Reactions {
		for _, t := range r.Emits {
			x.emitters[t] = append(x.emitters[t], i)
		}
		for _, t := range r.On.Types() {
			x.reactors[t] = append(x.reactors[t], i)
		}
		x.add(r.On.Types()...)
		x.add(r.If...)
		x.add(r.Unless...)
		if r.Undoes != "" {
			x.add(r.Undoes)
		}
		x.add(r.Emits...)
	}
	x.add(c.Outcomes.Completed...)
	x.add(c.Outcomes.Failed...)
	return x
}

func (x *index) add(types ...string) {
	for _, t := range types {
		if _, known := x.number[t]; !known {
			x.number[t] = len(x.events)
			x.events = append(x.events, t)
		}
	}
}

// given tells whether an event may come of itself: it starts flows, or somebody
// emits it unprompted, or (which is reported elsewhere) nobody is said to emit
// it.
func (x *index) given(t string) bool {
	return slices.Contains(x.c.Starts, t) || len(x.emitters[t]) == 0 ||
		slices.ContainsFunc(x.emitters[t], func(i int) bool { return len(x.c.Reactions[i].On.Types()) == 0 })
}

// moves tells whether a reaction can move a flow towards its end: somebody
// owes an answer, and the flow's status depends on it.
func moves(r *Reaction) bool { return r.Owes() && !r.Side }
