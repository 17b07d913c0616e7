package choreography

import (
	"slices"
	"strings"
)

// loops reports flows that go round for ever: events of which each makes
// somebody owe an answer, where every answer is again such an event. A loop that
// one of its answers leaves is none.
func (k *checker) loops(x *index) {
	inside := make(map[string]bool, len(x.events))
	for _, t := range x.events {
		inside[t] = true
	}
	for again := true; again; {
		again = false
		for _, t := range x.events {
			if inside[t] && x.forced(t, inside) == nil {
				inside[t], again = false, true
			}
		}
	}
	told := map[string]bool{}
	for _, t := range x.events {
		if !inside[t] || told[t] {
			continue
		}
		way, begin := x.follow(t, inside)
		loop := way[begin:]
		known := slices.ContainsFunc(way, func(t string) bool { return told[t] })
		for _, t := range way {
			told[t] = true
		}
		if known {
			continue // another way into a loop that has been told
		}
		r := x.forced(loop[0], inside)
		k.report(x.c, finding{
			code: CodeEndlessLoop, severity: SeverityError, pos: r.Pos, event: loop[0],
			message: "a flow that comes to " + quote(loop[0]) + " never ends: " + strings.Join(append(loop, loop[0]), " → "),
			hint:    "give one of these reactions another answer, by which the loop ends",
		})
	}
}

// forced returns a reaction that event t makes somebody owe in any case, and all
// whose answers are inside, or nil.
func (x *index) forced(t string, inside map[string]bool) *Reaction {
	for _, i := range x.reactors[t] {
		r := &x.c.Reactions[i]
		always := moves(r) && !r.Optional && r.Undoes == "" && len(r.If) == 0 && len(r.Unless) == 0 && len(r.On.All) < 2
		if always && !slices.ContainsFunc(r.Emits, func(e string) bool { return !inside[e] }) {
			return r
		}
	}
	return nil
}

// follow goes from t by first answers until it comes round. It returns the way,
// and where in it the loop begins.
func (x *index) follow(t string, inside map[string]bool) (way []string, begin int) {
	for {
		if at := slices.Index(way, t); at >= 0 {
			return way, at
		}
		way = append(way, t)
		t = x.forced(t, inside).Emits[0]
	}
}
