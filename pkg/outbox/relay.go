package outbox

import (
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// relay publishes rows. One goroutine (run) decides everything; another (send)
// hands rows to the bus. Rows of different keys are published at the same
// time; the next row of a key is sent when the one before it is confirmed, so
// that no failure can reorder them.
type relay struct {
	outbox *Outbox
	store  store

	outgoing chan *attempt // rows to send; has room for all
	answers  chan *attempt // what became of them; has room for all
	holdBack atomic.Bool   // answer outgoing rows with errHeldBack
	ending   atomic.Bool   // attempts are cut off, and nothing more is sent

	rows     map[int64]*row     // all rows in hand
	bytes    int                // the size of their data
	attempts map[int64]*attempt // those without an answer
	lanes    map[string][]*row  // rows behind one of their key that has no answer

	done    settlement // not yet written down
	wanted  bool       // there may be rows to claim
	starved bool       // nothing more fits until a row is settled

	pollAt   time.Time // look for rows
	resumeAt time.Time // the broker was away: claim nothing before
	dues     dues      // rows that were put off are to be tried again
	turnAt   time.Time // the database failed: not before
	settleAt time.Time // write down what is done; zero if nothing is
	turnTook time.Duration
	renewAt  time.Time // look after leases

	pauses   *backoff.ExponentialBackOff
	failures *backoff.ExponentialBackOff
	paused   time.Time // since when the broker is away; zero if it is not
	broken   time.Time // since when the database fails; zero if it does not

	reported   time.Time // when it was last said that rows are put off
	unreported int       // how many were since
}

func newRelay(o *Outbox, s store) *relay {
	return &relay{
		outbox: o, store: s,
		outgoing: make(chan *attempt, o.cfg.Window),
		answers:  make(chan *attempt, o.cfg.Window),
		rows:     make(map[int64]*row, o.cfg.Window),
		attempts: make(map[int64]*attempt, o.cfg.Window),
		lanes:    make(map[string][]*row),
		wanted:   true,
		renewAt:  time.Now().Add(o.cfg.Lease / 3),
		pauses:   exponential(o.cfg.MinBackoff, min(o.cfg.MaxBackoff, maxPause)),
		failures: exponential(o.cfg.MinBackoff, min(o.cfg.MaxBackoff, maxPause)),
	}
}

// maxPause bounds the wait before a broker or a database that was away is
// tried again. It is short, since that costs one attempt and every row waits.
const maxPause = 2 * time.Second

func exponential(initial, longest time.Duration) *backoff.ExponentialBackOff {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval, b.Multiplier = min(initial, longest), longest, 2
	b.Reset()
	return b
}

// rowDelay is how long a row waits after its n-th attempt, n from 1.
func (r *relay) rowDelay(n int) time.Duration {
	initial, longest := r.outbox.cfg.MinBackoff, r.outbox.cfg.MaxBackoff
	for range n - 1 {
		if initial *= 2; initial >= longest {
			initial = longest
			break
		}
	}
	return exponential(initial, longest).NextBackOff()
}

// accept takes newly claimed rows in hand.
func (r *relay) accept(rows []*row, now time.Time) {
	for _, row := range rows {
		if r.rows[row.seq] != nil {
			// The lease had run out, and nobody else took it.
			r.rows[row.seq].leased = now
			continue
		}
		row.leased = now
		r.rows[row.seq] = row
		r.bytes += len(row.event.Data)
		if lane, busy := r.lanes[row.orderKey]; busy {
			r.lanes[row.orderKey] = append(lane, row)
			continue
		}
		r.dispatch(row)
	}
}

// dispatch sends the row at the head of its key.
func (r *relay) dispatch(row *row) {
	if _, busy := r.lanes[row.orderKey]; !busy {
		r.lanes[row.orderKey] = nil
	}
	a := &attempt{row: row}
	r.attempts[row.seq] = a
	if row.unread != nil {
		r.answer(a, row.unread)
		return
	}
	r.outgoing <- a
}

// handle acts on the answer to an attempt.
func (r *relay) handle(a *attempt, now time.Time) {
	row := a.row
	delete(r.attempts, row.seq)
	end := fateOf(a.err)
	if r.ending.Load() && (end == refused || end == away) {
		end = heldBack // most likely because it was cut off
	}
	switch end {
	case confirmed:
		r.outbox.published.Add(1)
		r.recovered()
		r.done.confirmed = append(r.done.confirmed, row.seq)
		row.settled = true
		r.next(row.orderKey)
	case hopeless:
		r.fail(row, a.err)
	case refused:
		if row.attempts+1 >= r.outbox.cfg.MaxAttempts {
			r.fail(row, a.err)
			return
		}
		r.hold(row, a.err)
	case away:
		r.pause(a.err, now)
		r.release(row)
	case heldBack:
		r.release(row)
	}
}

// next sends the next row of a key.
func (r *relay) next(key string) {
	lane := r.lanes[key]
	if len(lane) == 0 || r.ending.Load() {
		r.releaseLane(key)
		return
	}
	r.lanes[key] = lane[1:]
	r.dispatch(lane[0])
}

// fail sets a row aside. Its key goes on without it.
func (r *relay) fail(row *row, err error) {
	r.done.failed = append(r.done.failed, verdict{row: row, attempts: row.attempts + 1, err: err})
	row.settled = true
	r.next(row.orderKey)
}

// hold puts a row off, and with it those of its key.
func (r *relay) hold(row *row, err error) {
	v := verdict{row: row, attempts: row.attempts + 1, delay: r.rowDelay(row.attempts + 1), err: err}
	r.done.held = append(r.done.held, v)
	row.settled = true
	r.releaseLane(row.orderKey)
}

// release gives a row back, and with it those of its key.
func (r *relay) release(row *row) {
	r.done.released = append(r.done.released, row.seq)
	row.settled = true
	r.releaseLane(row.orderKey)
}

func (r *relay) releaseLane(key string) {
	for _, row := range r.lanes[key] {
		r.done.released = append(r.done.released, row.seq)
		row.settled = true
	}
	delete(r.lanes, key)
}

// pause stops claiming for a while, since no row can be published.
func (r *relay) pause(err error, now time.Time) {
	r.wanted = true // there is at least this one
	r.holdBack.Store(true)
	if now.Before(r.resumeAt) {
		return // a pause has begun already
	}
	delay := r.pauses.NextBackOff()
	r.resumeAt = now.Add(delay)
	if r.paused.IsZero() {
		r.paused = now
		r.outbox.cfg.Logger.Warn("the broker can't be reached; events wait in the outbox until it can", "error", err)
	}
}

// recovered notes that the broker took a row.
func (r *relay) recovered() {
	if r.paused.IsZero() {
		return
	}
	r.outbox.cfg.Logger.Info("the broker takes events again", "away_for", time.Since(r.paused).Round(time.Millisecond))
	r.paused, r.resumeAt = time.Time{}, time.Time{}
	r.holdBack.Store(false)
	r.pauses.Reset()
}
