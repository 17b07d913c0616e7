package learn

import (
	"slices"
	"time"
)

// delays returns the times that answers took: from their cause where they name
// one that is a trigger, and otherwise from the moment at which the next answer
// became owed.
func (m *model) delays(c *claim) (all []time.Duration) {
	if c.kind == unprompted {
		return nil
	}
	for _, f := range m.answering(c.service, c.emits, len(m.flows)) {
		owed, given := c.moments(f)
		for i, g := range given {
			e := &f.events[g.index]
			switch {
			case g.at == 0:
			case c.kind == anyOf && e.caused >= 0 && slices.Contains(c.on, int(f.events[e.caused].typ)):
				all = appendDelay(all, f.events[e.caused].at, g.at)
			case i < len(owed) && owed[i].index < g.index:
				all = appendDelay(all, owed[i].at, g.at)
			}
		}
	}
	return all
}

func appendDelay(all []time.Duration, from, to int64) []time.Duration {
	if from == 0 {
		return all
	}
	return append(all, time.Duration(max(to-from, 0)))
}
