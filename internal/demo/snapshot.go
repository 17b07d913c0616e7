package demo

import "time"

// snapshot is what the live view shows at one moment.
type snapshot struct {
	now, started time.Time
	api          string
	pages        string // the observer's; "" where there is none
	broker       string
	tracesTo     string
	target       int // orders to place; 0 means until it is stopped
	doing        string
	limited      int // the bound of open orders that keeps the rate from being met, or 0

	placed, settled, open, wrong int
	retries, parked, mails       int
	stuck                        int     // go no further because of a fault
	rate                         float64 // settled orders a second, lately
	// turns is how many open orders wait for each service; those that have ended
	// badly and are being undone are under "undoing".
	turns map[string]int
	fates []fateSnapshot
	feed  []entry
}

type fateSnapshot struct {
	fate                 Fate
	settled, open, wrong int
	q                    quantiles
}

// snapshot returns what is known now, with the last entries of the feed.
func (b *book) snapshot(entries int) snapshot {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := snapshot{
		now: b.now(), open: b.openLocked(), retries: b.retries, parked: len(b.parked), mails: b.mails,
		turns: make(map[string]int), feed: b.feed.latest(entries),
	}
	for f := range b.fates {
		t := &b.fates[f]
		if t.planned == 0 {
			continue
		}
		s.placed += t.planned
		s.settled += t.settled
		s.wrong += t.wrong
		s.fates = append(s.fates, fateSnapshot{Fate(f), t.settled, t.planned - t.settled, t.wrong, t.recent.quantiles()})
	}
	for id := range b.halted {
		if o := b.orders[id]; o != nil && o.phase != settled {
			s.stuck++
		}
	}
	s.turns["order"] = b.awaited()
	for _, o := range b.unsettled {
		if o.phase == undoing {
			s.turns["undoing"]++
		} else {
			s.turns[o.turn]++
		}
	}
	return s
}
