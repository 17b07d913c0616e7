package outbox

import (
	"context"
	"time"
)

// turn writes down what became of rows and claims more.
func (r *relay) turn(ctx context.Context, now time.Time) {
	var c claim
	if r.claimable(now) {
		r.wanted = false
		c = claim{
			rows:  r.outbox.cfg.Window - len(r.rows),
			bytes: r.outbox.cfg.WindowBytes - r.bytes,
			alone: r.bytes == 0,
		}
		for seq, row := range r.rows {
			if !row.settled {
				c.inHand = append(c.inHand, seq)
			}
		}
	}
	turnCtx, cancel := context.WithTimeout(ctx, turnTimeout)
	defer cancel()
	got, err := r.store.turn(turnCtx, &r.done, c)
	r.turnTook = time.Since(now)
	now = now.Add(r.turnTook)
	if err != nil {
		r.wanted = r.wanted || c.rows > 0
		r.turnFailed(ctx, err, now)
		return
	}
	if !r.broken.IsZero() {
		r.outbox.cfg.Logger.Info("the database answers again", "away_for", now.Sub(r.broken).Round(time.Millisecond))
		r.broken = time.Time{}
		r.failures.Reset()
	}
	if c.rows > 0 && r.pollAt.Before(now.Add(r.outbox.cfg.PollInterval)) {
		r.pollAt = now.Add(r.outbox.cfg.PollInterval)
	}
	r.settled(ctx, now)
	r.accept(got.rows, now)
	if got.more {
		r.wanted = true
		// Unless this very turn has made room.
		r.starved = len(got.rows) == 0 && r.outbox.cfg.WindowBytes-r.bytes == c.bytes
	}
}

func (r *relay) turnFailed(ctx context.Context, err error, now time.Time) {
	r.turnAt = now.Add(r.failures.NextBackOff())
	if r.broken.IsZero() {
		r.broken = now
		r.outbox.cfg.Logger.WarnContext(ctx, "the outbox can't be read or written; what was published may be published again", "error", err)
	}
}

// settled lets go of the rows whose end is written down, and reports those
// that went wrong.
func (r *relay) settled(ctx context.Context, now time.Time) {
	for _, seq := range r.done.confirmed {
		r.forget(seq)
	}
	for _, seq := range r.done.released {
		r.forget(seq)
	}
	for _, seq := range r.done.renewed {
		if row := r.rows[seq]; row != nil {
			row.leased = now
		}
	}
	for _, v := range r.done.held {
		r.forget(v.row.seq)
		// A moment later than the database says, so as not to look too early.
		r.dues.add(now.Add(v.delay+5*time.Millisecond), r.outbox.cfg.Window)
	}
	for _, v := range r.done.failed {
		r.forget(v.row.seq)
		r.reportFailed(ctx, v, now)
	}
	r.reportHeld(ctx, now)
	r.done, r.settleAt = settlement{}, time.Time{}
}

func (r *relay) forget(seq int64) {
	row := r.rows[seq]
	if row == nil {
		return
	}
	delete(r.rows, seq)
	r.bytes -= len(row.event.Data)
	r.starved = false
}

// reportFailed says that a row is set aside.
func (r *relay) reportFailed(ctx context.Context, v verdict, now time.Time) {
	r.outbox.cfg.Logger.ErrorContext(ctx, "an event can't be published and is set aside; mend the cause and call RetryFailed, since what should follow it will not happen",
		"event", v.row.eventType, "event_id", v.row.eventID, "flow_id", v.row.event.FlowID, "attempts", v.attempts, "error", v.err)
	if r.outbox.cfg.OnFailed != nil {
		r.outbox.cfg.OnFailed(ctx, FailedRow{
			Seq: v.row.seq, EventID: v.row.eventID, EventType: v.row.eventType, OrderKey: v.row.orderKey,
			Attempts: v.attempts, Error: errorText(v.err), CreatedAt: v.row.createdAt, FailedAt: now,
		})
	}
}

// reportEvery is how often at most it is said that rows are put off.
const reportEvery = time.Second

// reportHeld says, in one line however many there are, that rows are put off.
func (r *relay) reportHeld(ctx context.Context, now time.Time) {
	r.unreported += len(r.done.held)
	if len(r.done.held) == 0 || now.Sub(r.reported) < reportEvery {
		return
	}
	v, n := r.done.held[0], r.unreported
	r.reported, r.unreported = now, 0
	r.outbox.cfg.Logger.WarnContext(ctx, "events were not taken by the broker and will be tried again; those of the same flow wait behind them",
		"times", n, "event", v.row.eventType, "event_id", v.row.eventID, "attempt", v.attempts,
		"next_try_in", v.delay.Round(time.Millisecond), "error", v.err)
}

// finish settles what can be known of the rows that are still in hand, and
// gives the others back.
func (r *relay) finish(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, finishTimeout)
	defer cancel()
	for len(r.attempts) > 0 && ctx.Err() == nil {
		select {
		case a := <-r.answers:
			r.handle(a, time.Now())
		case <-ctx.Done():
		}
	}
	for seq, row := range r.rows {
		if !row.settled {
			r.done.released = append(r.done.released, seq)
			row.settled = true
		}
	}
	if r.done.empty() {
		return
	}
	last, cancelLast := context.WithTimeout(context.WithoutCancel(ctx), finishTimeout)
	defer cancelLast()
	if _, err := r.store.turn(last, &r.done, claim{}); err != nil {
		r.outbox.cfg.Logger.WarnContext(ctx, "the outbox stopped and could not write down what was published; some events will be published again",
			"rows", len(r.rows), "error", err)
		return
	}
	left := len(r.done.released) + len(r.done.held)
	r.settled(ctx, time.Now())
	if left > 0 {
		r.outbox.cfg.Logger.WarnContext(ctx, "the outbox stopped before everything in it was published; the rest waits for the next start", "rows", left)
	}
}
