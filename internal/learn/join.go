package learn

import "slices"

// What makes a join of what would do as one trigger, too.
const (
	// turns is the least share in which each of its events is the last one.
	turns = 0.05
	// joined is how many events a join has at most, and joinable how many of the
	// best candidates are tried.
	joined   = 4
	joinable = 9
)

// join looks for events that are answered once for all of them.
func (x *explainer) join(emits, candidates []int, by evidence) (claim, bool) {
	var claims []claim
	for _, on := range someOf(candidates[:min(len(candidates), joinable)], 2, joined) {
		c := newClaim(x.service, allOf, emits, on)
		if t := x.fitIn(&c, x.usual()); float64(t.missing+t.surplus) > hopeless*float64(t.met+t.surplus) || !x.even(&c) || !x.takeTurns(&c) {
			continue
		}
		x.weigh(&c, by)
		claims = append(claims, x.conditioned(c, by))
	}
	return x.choose(claims)
}

// someOf returns the sets of least to most elements.
func someOf(all []int, least, most int) (sets [][]int) {
	for bits := range 1 << len(all) {
		var on []int
		for i, t := range all {
			if bits&(1<<i) != 0 {
				on = append(on, t)
			}
		}
		if len(on) >= least && len(on) <= most {
			sets = append(sets, on)
		}
	}
	return sets
}

// even tells whether there are as many of each event of a join where it is
// answered.
func (x *explainer) even(c *claim) bool {
	even, all := 0, 0
	for k, h := range x.among {
		if x.there[k] == 0 {
			continue
		}
		all += x.histories.flows[h]
		count := func(t int) uint16 { return x.histories.types[t][h] }
		if !slices.ContainsFunc(c.on, func(t int) bool { return count(t) != count(c.on[0]) }) {
			even += x.histories.flows[h]
		}
	}
	return float64(even) >= 0.95*float64(all)
}

// takeTurns tells whether now the one and now the other event of a join comes
// last, and the answer always after all of them.
func (x *explainer) takeTurns(c *claim) bool {
	last, all, early := make([]int, len(c.on)), 0, 0
	for _, f := range x.answering(c.service, c.emits, len(x.flows)) {
		at, answer := -1, -1
		which := 0
		for i := range f.events {
			if k := slices.Index(c.on, int(f.events[i].typ)); k >= 0 && (answer < 0 || at < answer) {
				at, which = i, k
			}
			if answer < 0 && c.answeredBy(&f.events[i]) {
				answer = i
			}
		}
		if answer < 0 {
			continue
		}
		all++
		last[which]++
		if at > answer {
			early++
		}
	}
	return float64(early) <= 0.01*float64(all) && float64(slices.Min(last)) >= turns*float64(all)
}
