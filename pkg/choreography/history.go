package choreography

import (
	"encoding/binary"
	"slices"
)

// maxHistories bounds the states that are gone through, and maxDuties the
// obligations in one of them.
const (
	maxHistories = 20_000
	maxDuties    = 2_000
)

// duty is one obligation that a flow may have: of one service under one
// reaction, for one trigger, or once for a join or an undo. What a contract means
// depends on which events are there, not on their order, so that each duty needs
// to be looked at once.
type duty struct {
	reaction int
	trigger  int // the number of an event, or -1
}

// set is a set of small numbers.
type set []uint64

func newSet(size int) set { return make(set, (size+63)/64) }

func (s set) has(n int) bool { return s[n/64]&(1<<(n%64)) != 0 }

func (s set) with(n int) set {
	s = slices.Clone(s)
	s[n/64] |= 1 << (n % 64)
	return s
}

// moment is how far a history has come.
type moment struct {
	there set // events
	met   set // duties that need nothing any more
	void  set // those of them that an "unless" is to void
}

func (m moment) key() string {
	var b []byte
	for _, s := range []set{m.there, m.met, m.void} {
		for _, w := range s {
			b = binary.LittleEndian.AppendUint64(b, w)
		}
	}
	return string(b)
}

// explorer goes through the ends of all histories that a contract allows.
type explorer struct {
	x      *index
	duties []duty
	loop   []int // which strongly connected part of the graph an event is in
	seen   map[string]bool
	ends   func(moment)
	full   bool // there were too many
}

func newExplorer(x *index, ends func(moment)) *explorer {
	e := &explorer{x: x, loop: components(x), seen: map[string]bool{}, ends: ends}
	for i := range x.c.Reactions {
		r := &x.c.Reactions[i]
		if !moves(r) {
			continue
		}
		triggers := []int{-1}
		if r.Undoes == "" && len(r.On.All) == 0 {
			triggers = triggers[:0]
			for _, t := range r.On.Any {
				triggers = append(triggers, x.number[t])
			}
		}
		for range r.Services {
			for _, t := range triggers {
				if e.duties = append(e.duties, duty{i, t}); len(e.duties) > maxDuties {
					e.full = true
					return e
				}
			}
		}
	}
	return e
}

// from goes through what can follow some events.
func (e *explorer) from(events ...string) {
	there := newSet(len(e.x.events))
	for _, t := range events {
		there = there.with(e.x.number[t])
	}
	e.visit(moment{there, newSet(len(e.duties)), newSet(len(e.duties))})
}

func (e *explorer) visit(start moment) {
	stack := []moment{start}
	for len(stack) > 0 && !e.full {
		m := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if key := m.key(); e.seen[key] {
			continue
		} else if e.seen[key] = true; len(e.seen) > maxHistories {
			e.full = true
			return
		}
		n := e.next(m)
		if n < 0 {
			if e.consistent(m) {
				e.ends(m)
			}
			continue
		}
		stack = append(stack, e.answers(m, n)...)
	}
}

// next returns a duty that is owed and not met, or -1.
func (e *explorer) next(m moment) int {
	for n, d := range e.duties {
		if !m.met.has(n) && e.owed(m, d) {
			return n
		}
	}
	return -1
}

func (e *explorer) owed(m moment, d duty) bool {
	r := &e.x.c.Reactions[d.reaction]
	there := func(t string) bool { return m.there.has(e.x.number[t]) }
	switch {
	case len(r.If) > 0 && !slices.ContainsFunc(r.If, there):
		return false
	case d.trigger >= 0:
		return m.there.has(d.trigger)
	case r.Undoes != "":
		return there(r.Undoes) && slices.ContainsFunc(r.On.Any, there)
	default:
		return !slices.ContainsFunc(r.On.All, func(t string) bool { return !there(t) })
	}
}

// answers returns what can come of a duty.
func (e *explorer) answers(m moment, n int) (next []moment) {
	r := &e.x.c.Reactions[e.duties[n].reaction]
	met := m.met.with(n)
	if r.Optional {
		next = append(next, moment{m.there, met, m.void})
	}
	if len(r.Unless) > 0 {
		next = append(next, moment{m.there, met, m.void.with(n)})
	}
	for _, t := range r.Emits {
		answer := e.x.number[t]
		if m.there.has(answer) && e.goesRound(e.duties[n].trigger, answer) {
			continue // another round; what ends the loop is another answer
		}
		next = append(next, moment{m.there.with(answer), met, m.void})
	}
	return next
}

func (e *explorer) goesRound(trigger, answer int) bool {
	return trigger >= 0 && e.loop[trigger] == e.loop[answer]
}

// consistent tells whether all that was taken to be void is.
func (e *explorer) consistent(m moment) bool {
	for n, d := range e.duties {
		if m.void.has(n) && !slices.ContainsFunc(e.x.c.Reactions[d.reaction].Unless, func(t string) bool { return m.there.has(e.x.number[t]) }) {
			return false
		}
	}
	return true
}
