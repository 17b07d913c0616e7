package flow

import "slices"

// search finds out which obligations are paid where reactions share answers, so
// that paying one may take moving the answer of another.
type search struct {
	// holder is, of each event, the obligation that it pays, from 1.
	holder []uint16
	// seen marks the events that were looked at: for this obligation, or for one
	// that could not be paid. The latter can't help any later one either, since
	// all that they could be freed for is taken for good.
	seen []bool
	// looked are those of this obligation.
	looked []uint16
	// caused tells that only causes count for now.
	caused bool
}

// payOverlapping pays the obligations in order of rank and age, each if that is
// possible without leaving unpaid one that was paid before it: first by causes
// alone, then by any answer that fits. It searches augmenting paths, as Kuhn's
// algorithm does; what can be paid together is a matroid (Edmonds and
// Fulkerson, 1965), so taking each in turn gives the best set.
func (j *judge) payOverlapping() {
	s := &j.search
	j.left = j.left[:0]
	for i := range j.f.events {
		if e := &j.f.events[i]; e.typ != foreignType && len(j.f.program.byAnswer[e.typ]) > 0 {
			j.left = append(j.left, uint16(i))
		}
	}
	if len(j.left) == 0 {
		return
	}
	s.holder = zeroed(s.holder, len(j.f.events))
	for _, s.caused = range []bool{true, false} {
		s.seen = zeroed(s.seen, len(j.f.events))
		for rank := range ranks {
			for o := range j.f.obligations {
				if j.by[o] != 0 || j.rank(o) != rank {
					continue
				}
				s.looked = s.looked[:0]
				if j.augment(o) {
					for _, answer := range s.looked {
						s.seen[answer] = false
					}
				}
			}
		}
	}
	for _, answer := range j.left {
		if holder := s.holder[answer]; holder != 0 {
			j.by[holder-1] = 0
			j.pay(int(answer), int(holder)-1)
		}
	}
}

// ranks is how many there are.
const ranks = 3

// rank orders obligations: what holds the flow, what does not, what was voided.
// What is dormant has none.
func (j *judge) rank(o int) int {
	switch {
	case j.states[o] == Void:
		return 2
	case j.states[o] != Open:
		return -1
	case j.f.program.rules[j.f.obligations[o].rule].holds():
		return 0
	default:
		return 1
	}
}

// augment pays o, and if need be pays others in another way.
func (j *judge) augment(o int) bool {
	s := &j.search
	for _, answer := range j.left {
		if s.seen[answer] || !j.f.answers(int(answer), o) || s.caused && !j.f.caused(int(answer), o) {
			continue
		}
		s.seen[answer] = true
		s.looked = append(s.looked, answer)
		if holder := int(s.holder[answer]) - 1; holder < 0 || j.augment(holder) {
			s.holder[answer] = uint16(o) + 1 //nolint:gosec // at most maxMaxEvents
			j.by[o] = answer + 1
			return true
		}
	}
	return false
}

// caused tells whether a trigger of the obligation at o caused the event.
func (f *instance) caused(answer, o int) bool {
	cause := int(f.events[answer].causeIndex) - 1
	if cause < 0 || f.events[cause].typ == foreignType {
		return false
	}
	return int(f.obligations[o].trigger) == cause || f.program.rules[f.obligations[o].rule].shares(f.events[cause].typ)
}

// shares tells whether an event of this type is a trigger of every obligation
// of r: those of joins and of compensations have more than one.
func (r *rule) shares(typ typeID) bool {
	return (r.undo() || len(r.all) > 0) && (slices.Contains(r.any, typ) || slices.Contains(r.all, typ))
}
