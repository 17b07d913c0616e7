package learn

import (
	"cmp"
	"slices"
)

// evidence is what speaks for a trigger of an answer.
type evidence map[int]int // by the trigger's type: how many answers

// causes returns what caused the answers, by their causation ids, and how many
// there are that nothing in their flow caused.
func (m *model) causes(service int, emits []int) (by evidence, without int) {
	by = evidence{}
	for _, p := range m.pairsOf(service, emits) {
		for t, n := range m.by[p] {
			by[t] += n
		}
		without += m.without[p]
	}
	return by, without
}

// before returns what can have caused the answers by the order of the log: the
// types of other services that are there before the last answer in that share
// of the flows that have both.
func (x *explainer) before(emits, leaveOut []int, least float64) evidence {
	key := countsKey(emits)
	if x.seen == nil || x.seen.emits != key {
		x.seen = x.sight(key, emits)
	}
	first := evidence{}
	for t, n := range x.seen.first {
		if _, own := x.pairAt[pair{x.service, t}]; !own && !slices.Contains(leaveOut, t) && float64(n) >= least*float64(x.seen.both[t]) {
			first[t] = n
		}
	}
	return first
}

// sighting is what is there in the flows that have some answers: of each type in
// how many of them it is, and in how many before the last answer.
type sighting struct {
	emits       string
	both, first evidence
}

func (x *explainer) sight(key string, emits []int) *sighting {
	c := newClaim(x.service, unprompted, emits, nil)
	s := &sighting{key, evidence{}, evidence{}}
	both, first := make([]int, len(x.types)), make([]int, len(x.types))
	in := make([]int, len(x.types)) // the last flow that has the type, from 1
	for number, f := range x.answering(x.service, emits, len(x.flows)) {
		last := -1
		for i := range f.events {
			if c.answeredBy(&f.events[i]) {
				last = i
			}
		}
		for i := range f.events {
			if t := f.events[i].typ; in[t] != number+1 {
				in[t] = number + 1
				both[t]++
				first[t] += truth(i < last)
			}
		}
	}
	for t, n := range first {
		if n > 0 {
			s.both[t], s.first[t] = both[t], n
		}
	}
	return s
}

// Shares that stand for words.
const (
	mostly  = 0.9 // nearly always
	atTimes = 0.2
)

// triggers returns the types in the order of the evidence, the best first.
func (by evidence) triggers() []int {
	types := make([]int, 0, len(by))
	for t := range by {
		types = append(types, t)
	}
	slices.SortFunc(types, func(a, b int) int { return cmp.Or(cmp.Compare(by[b], by[a]), cmp.Compare(a, b)) })
	return types[:min(len(types), maxCandidates)]
}

// maxCandidates is how many triggers of one answer are considered.
const maxCandidates = 24
