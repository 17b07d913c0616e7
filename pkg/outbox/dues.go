package outbox

import (
	"slices"
	"time"
)

// dues are the moments at which rows are to be tried again, the next one first.
type dues []time.Time

// add notes a moment, if fewer than limit are noted. Polling finds the others.
func (d *dues) add(t time.Time, limit int) {
	if len(*d) >= limit {
		return
	}
	i, _ := slices.BinarySearchFunc(*d, t, time.Time.Compare)
	*d = slices.Insert(*d, i, t)
}

// past forgets the moments that have come, and tells whether there were any.
func (d *dues) past(now time.Time) bool {
	n := 0
	for n < len(*d) && !now.Before((*d)[n]) {
		n++
	}
	*d = slices.Delete(*d, 0, n)
	return n > 0
}
