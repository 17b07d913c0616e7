package outbox

import (
	"context"
	"sync"
	"time"
)

// Bounds of what a relay waits for.
const (
	turnTimeout   = 10 * time.Second // one transaction
	finishTimeout = 3 * time.Second  // at the end: outstanding answers, and the last transaction
)

// run relays until ctx ends, then drains.
func (r *relay) run(ctx context.Context) {
	// Publishing outlives ctx while the relay drains.
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	var sender sync.WaitGroup
	sender.Go(func() { r.send(work) })

	stop := func() {
		r.ending.Store(true)
		cancel()
	}
	r.loop(ctx, work, stop)
	stop()
	close(r.outgoing)
	sender.Wait()
	r.finish(context.WithoutCancel(ctx))
}

// loop returns when ctx has ended and everything is published, or when work
// has, which it ends by stop when draining takes too long.
func (r *relay) loop(ctx, work context.Context, stop func()) {
	ended := ctx.Done() // nil while draining
	timer := time.NewTimer(0)
	defer timer.Stop()
	deadline := time.AfterFunc(time.Hour, stop) // reset when draining begins
	deadline.Stop()
	defer deadline.Stop()
	for {
		r.collect()
		now := time.Now()
		if ended != nil && ctx.Err() != nil { // also if there is no end of work
			ended = nil
			r.wanted = true // whatever was committed until now, and no more after that:
			r.pollAt = now.Add(r.outbox.cfg.DrainTimeout)
			deadline.Reset(r.outbox.cfg.DrainTimeout)
		}
		r.watch(now)
		if work.Err() != nil || ended == nil && r.drained() {
			return
		}
		if r.due(now) {
			r.turn(work, now)
			continue
		}
		timer.Reset(max(0, r.nextDue(now).Sub(now)))
		select {
		case a := <-r.answers:
			r.handle(a, time.Now())
		case <-r.outbox.wake:
			r.wanted = true
		case <-timer.C:
		case <-ended:
		case <-work.Done():
		}
	}
}

// collect handles the answers that are there.
func (r *relay) collect() {
	for {
		select {
		case a := <-r.answers:
			r.handle(a, time.Now())
		default:
			return
		}
	}
}

// watch acts on what only the clock tells.
func (r *relay) watch(now time.Time) {
	if !now.Before(r.pollAt) {
		r.pollAt = now.Add(r.outbox.cfg.PollInterval)
		r.wanted = true
	}
	if r.dues.past(now) {
		r.wanted = true
	}
	if r.settleAt.IsZero() && !r.done.empty() {
		r.settleAt = now.Add(min(max(r.turnTook, minSettleDelay), maxSettleDelay))
	}
	if r.holdBack.Load() && !now.Before(r.resumeAt) {
		r.holdBack.Store(false)
	}
	if now.Before(r.renewAt) {
		return
	}
	third := r.outbox.cfg.Lease / 3
	r.renewAt = now.Add(third)
	for seq, row := range r.rows {
		if !row.settled && now.Sub(row.leased) >= third {
			r.done.renewed = append(r.done.renewed, seq)
		}
	}
	for _, a := range r.attempts {
		if overdue := a.overdue.Load(); overdue > 0 && now.UnixNano() > overdue && a.giveUp() {
			r.handle(a, now)
		}
	}
}

// The end of rows waits for that of others, so that they are written down
// together: as long as the last transaction took, within these bounds.
const (
	minSettleDelay = 5 * time.Millisecond
	maxSettleDelay = 250 * time.Millisecond
)

// due tells whether there is something for the database to do.
func (r *relay) due(now time.Time) bool {
	switch {
	case now.Before(r.turnAt):
		return false
	case r.claimable(now):
		return true
	case r.done.empty():
		return false
	default:
		return len(r.attempts) == 0 || r.done.size() >= r.outbox.cfg.Window/4 || !now.Before(r.settleAt)
	}
}

// claimable tells whether the relay wants rows and has room for some more: it
// asks for a few rows together rather than for each as soon as it fits.
func (r *relay) claimable(now time.Time) bool {
	rows, bytes := r.outbox.cfg.Window, r.outbox.cfg.WindowBytes
	return r.wanted && !r.starved && !r.holdBack.Load() && !now.Before(r.resumeAt) &&
		len(r.rows) <= rows-max(1, rows/4) && (r.bytes == 0 || r.bytes <= bytes-bytes/4)
}

// nextDue returns when there will be something to do even if nothing happens.
func (r *relay) nextDue(now time.Time) time.Time {
	next := r.pollAt
	sooner := func(t time.Time) {
		if t.After(now) && t.Before(next) {
			next = t
		}
	}
	sooner(r.turnAt)
	sooner(r.settleAt)
	sooner(r.resumeAt)
	sooner(r.renewAt)
	if len(r.dues) > 0 {
		sooner(r.dues[0])
	}
	return next
}

// drained tells whether nothing is left that could still be published.
func (r *relay) drained() bool {
	if !r.done.empty() {
		return false
	}
	if r.holdBack.Load() {
		return len(r.attempts) == 0
	}
	return len(r.rows) == 0 && !r.wanted
}
