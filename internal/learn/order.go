package learn

import "slices"

// sampled is how many flows are gone through event by event to weigh a claim.
const sampled = 200

// early is how many answers come before anything owes them, by the order of the
// log, and wait how long the others take on average.
func (m *model) early(c *claim) (early, wait float64) {
	answers, seen, before, waited := m.given(c), 0, 0, 0.0
	for _, f := range m.answering(c.service, c.emits, sampled) {
		seen += f.count(c)
		owed, given := c.moments(f)
		for i, g := range given {
			if i >= len(owed) || owed[i].index > g.index {
				before++
				continue
			}
			waited += float64(g.at - owed[i].at)
		}
	}
	if seen == 0 {
		return 0, 0
	}
	return float64(before) * float64(answers) / float64(seen), waited / float64(max(seen-before, 1))
}

// count is how many answers a flow has.
func (f *run) count(c *claim) int {
	n := 0
	for i := range f.events {
		if c.answeredBy(&f.events[i]) {
			n++
		}
	}
	return n
}

func (c *claim) answeredBy(e *step) bool {
	return int(e.src) == c.service && slices.Contains(c.emits, int(e.typ))
}

// moment is a place in a flow.
type moment struct {
	index int
	at    int64
}

// moments returns when answers became owed and when they were given, both in
// the order of the log.
func (c *claim) moments(f *run) (owed, given []moment) {
	counts := make([]int, len(c.on))
	triggered := false
	var undone []moment
	for i := range f.events {
		e := &f.events[i]
		here := moment{i, e.at}
		if c.answeredBy(e) {
			given = append(given, here)
		}
		on := slices.Index(c.on, int(e.typ))
		switch {
		case c.kind == anyOf && on >= 0:
			owed = append(owed, here)
		case c.kind == allOf && on >= 0:
			before := slices.Min(counts)
			if counts[on]++; slices.Min(counts) > before {
				owed = append(owed, here)
			}
		case c.kind == undo && int(e.typ) == c.undoes:
			if triggered {
				owed = append(owed, here)
			} else {
				undone = append(undone, here)
			}
		case c.kind == undo && on >= 0:
			triggered = true
			for range undone {
				owed = append(owed, here)
			}
			undone = nil
		}
	}
	return owed, given
}
