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
	c := newClaim(service, unprompted, emits, nil)
	for _, f := range m.answering(service, emits) {
		for i := range f.events {
			e := &f.events[i]
			switch {
			case !c.answeredBy(e):
			case e.caused < 0:
				without++
			default:
				by[f.events[e.caused].typ]++
			}
		}
	}
	return by, without
}

// before returns what can have caused the answers by the order of the log: the
// types of other services that are there before the last answer in that share
// of the flows that have both.
func (m *model) before(service int, emits, leaveOut []int, least float64) evidence {
	own := map[int]bool{}
	for _, p := range m.pairs {
		if p.service == service {
			own[p.typ] = true
		}
	}
	for _, t := range leaveOut {
		own[t] = true
	}
	c := newClaim(service, unprompted, emits, nil)
	both, first := evidence{}, evidence{}
	seen := make([]int, len(m.types))
	for _, f := range m.answering(service, emits) {
		last := -1
		for i := range f.events {
			if c.answeredBy(&f.events[i]) {
				last = i
			}
		}
		if last < 0 {
			continue
		}
		for i := range seen {
			seen[i] = -1
		}
		for i := range f.events {
			if t := f.events[i].typ; seen[t] < 0 {
				seen[t] = i
				both[t]++
				if i < last {
					first[t]++
				}
			}
		}
	}
	for t := range first {
		if own[t] || float64(first[t]) < least*float64(both[t]) {
			delete(first, t)
		}
	}
	return first
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
