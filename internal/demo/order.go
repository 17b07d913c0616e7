package demo

import (
	"slices"
	"time"
)

// cancelAnswer is what the API said to the demo's request to cancel an order.
type cancelAnswer uint8

const (
	cancelNotAsked cancelAnswer = iota
	cancelAccepted
	cancelTooLate // the order had ended
	cancelFailed  // no answer that can be understood
)

// order is what is known of one order.
type order struct {
	id   string
	fate Fate
	seq  int // the demo's own number of it, from 1; 0 of one that is not the demo's

	amount int64 // in minor units

	sent  time.Time // when the demo asked for it; of one that is not the demo's, when it was seen first
	last  time.Time // of the last event, by its own time
	ended time.Time // of the last event that is no mail

	counts  counts
	journey []kind   // in the order in which the log has them, mails left out
	ids     []uint64 // hashes of the events' ids, to tell duplicates
	retries int      // failed attempts that are tried again
	cancel  cancelAnswer
	traceID string

	phase  phase
	turn   string  // the service whose turn it is
	told   bool    // it was settled and counted
	halted bool    // a fault keeps it from going any further
	wrong  verdict // when it was settled

	done func() // called when it is settled for the first time; nil if nobody waits
}

// saw notes an event and tells whether it is a new one. at is when it was made:
// the services share this process's clock, and a log may be read in batches.
func (o *order) saw(hash uint64, k kind, at time.Time) bool {
	if slices.Contains(o.ids, hash) {
		return false
	}
	o.ids = append(o.ids, hash)
	o.counts.add(k)
	o.last = later(o.last, at)
	if k != notificationSent {
		o.journey = append(o.journey, k)
		o.ended = later(o.ended, at)
	}
	return true
}

// refresh derives where the order is. An order that the demo means to cancel,
// or has, is not settled before that has had its say.
func (o *order) refresh(rules []reaction) {
	o.phase, o.turn = phaseOf(rules, o.counts)
	if o.phase != settled {
		return
	}
	awaited := o.cancel == cancelAccepted && !o.counts.has(cancelRequested)
	if awaited || o.fate == Canceled && o.cancel == cancelNotAsked {
		o.phase, o.turn = deciding, "order"
	}
}

// took is how long the order took, from the request to the last event that is
// no mail.
func (o *order) took() time.Duration { return o.ended.Sub(o.sent) }

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
