package observer

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/laban-io/laban/internal/observer/record"
	"github.com/laban-io/laban/internal/observer/source"
	"github.com/laban-io/laban/pkg/flow"
)

// clock is log time as this observer writes it: it starts at the later of its
// own clock and the last pulse, and advances monotonically, whatever happens to
// the wall clock.
type clock struct {
	wall   func() time.Time
	anchor time.Time // by the wall clock, at begun
	begun  time.Time // with a monotonic reading

	mu    sync.Mutex
	ahead time.Duration
	told  time.Duration // how far the wall clock was off when that was told last
}

// newClock returns a clock that starts at what wall says now, and never asks
// it the time again.
func newClock(wall func() time.Time) *clock {
	return &clock{wall: wall, anchor: wall().Round(0), begun: time.Now()}
}

// elapsed is how long the clock has run, whatever the wall clock says.
func (c *clock) elapsed() time.Duration { return time.Since(c.begun) }

// setBy tells by how much the wall clock was set since that was told last, where
// it is more than clocks drift apart.
func (c *clock) setBy() (time.Duration, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	off := c.wall().Round(0).Sub(c.anchor.Add(c.elapsed()))
	if by := off - c.told; by.Abs() >= clockSet {
		c.told = off
		return by, true
	}
	return 0, false
}

// clockSet is by how much a clock is off that was set.
const clockSet = time.Second

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at()
}

func (c *clock) at() time.Time {
	return c.anchor.Add(c.elapsed() + c.ahead).UTC()
}

// notBefore sees to it that no time before t is told any more.
func (c *clock) notBefore(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if behind := t.Sub(c.at()); behind > 0 {
		c.ahead += behind
	}
}

// pulser writes pulses. What it writes depends on the term that it is in.
type pulser struct {
	clock    *clock
	sequence atomic.Uint64
	wake     chan struct{} // of size one: an event came while there was little to do
	busy     atomic.Bool   // anything is owed, or the log is being caught up with
	event    atomic.Int64  // when an event was read last, by elapsed
	quiet    atomic.Bool   // the next pulse is far away
	queues   queueBook
	// told is when the contracts in force were told last, and in which term;
	// for the goroutine that pulses.
	told     time.Time
	toldTerm *term
}

// tells returns the contracts in force, where it is time to tell them.
func (p *pulser) tells(t *term) map[string]string {
	if !t.caughtUp.Load() || p.toldTerm == t && time.Since(p.told) < fullEvery {
		return nil
	}
	p.told, p.toldTerm = time.Now(), t
	return t.state.Load().inForce
}

// hurry asks for a pulse at once where the next one is far away.
func (p *pulser) hurry() {
	if !p.quiet.Load() {
		return
	}
	select {
	case p.wake <- struct{}{}:
	default: // it is awake
	}
}

func (p *pulser) isBusy() bool {
	return p.busy.Load() || p.clock.elapsed()-time.Duration(p.event.Load()) < busyFor
}

// pulse writes pulses by a lease, until the connection is lost, which ends ctx,
// or the observer gives up leading.
func (o *Observer) pulse(ctx context.Context, lease source.Lease) error {
	o.sight.connected(lease.Blocked)
	o.waits.Store(0)
	select {
	case <-o.yield: // meant for a lease of before
	default:
	}
	o.leading.set(true)
	o.lease.Store(&lease)
	defer o.lease.Store(nil)
	defer o.sight.disconnected("the connection to the broker was lost")
	next := time.NewTimer(0)
	defer next.Stop()
	probe := time.NewTicker(probeEvery)
	defer probe.Stop()
	last := time.Time{}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-o.yield:
			return nil
		case <-o.pulser.wake:
		case <-o.termBegan:
		case <-next.C:
		case <-probe.C:
			if time.Since(last) < probeEvery {
				continue
			}
			o.sight.sends()
			if err := lease.Probe(ctx); err != nil {
				return nil // the session ends with it, and says why
			}
			o.sight.sent(0)
			continue
		}
		t := o.term.Load()
		if t == nil {
			next.Reset(busyPulse)
			continue
		}
		o.pulser.quiet.Store(false)
		if err := o.pulseOnce(ctx, lease, t); err != nil {
			return nil
		}
		last = time.Now()
		if o.pulser.isBusy() {
			next.Reset(busyPulse)
			continue
		}
		o.pulser.quiet.Store(true)
		next.Reset(idlePulse)
	}
}

func (o *Observer) pulseOnce(ctx context.Context, lease source.Lease, t *term) error {
	sequence := o.pulser.sequence.Add(1)
	at := o.pulser.clock.now()
	e, err := record.Encode(record.Pulse{
		Time: at, Log: t.logID(), Observer: o.id, Epoch: t.epoch, Sequence: sequence,
		Contracts: o.pulser.tells(t), Queues: inLogTime(o.pulser.queues.changes(), at),
	}, at)
	if err != nil {
		o.log.ErrorContext(ctx, "a pulse can't be written; what was seen of queues is left out", "error", err)
		if e, err = record.Encode(record.Pulse{Time: at, Observer: o.id, Epoch: t.epoch, Sequence: sequence}, at); err != nil {
			return err
		}
	}
	o.sight.sends()
	if err := lease.Append(ctx, e); err != nil {
		o.pulser.queues.again()
		return err
	}
	o.sight.sent(sequence)
	return nil
}

// queueBook is what was seen of queues, and what of it the log knows.
type queueBook struct {
	mu   sync.Mutex
	seen map[string]flow.QueueSeen // by service
	told map[string]flow.QueueSeen
	full time.Time // when all were told last
}

// fullEvery is how often a pulse tells of all queues, so that a log that forgot
// its beginning knows them, too.
const fullEvery = 10 * time.Second

func (b *queueBook) saw(queues []flow.QueueSeen) {
	b.mu.Lock()
	defer b.mu.Unlock()
	seen := make(map[string]flow.QueueSeen, len(queues))
	for _, q := range queues {
		seen[q.Service] = q
	}
	b.seen = seen
}

// inLogTime tells by the log's time, which is now at, when something was counted.
func inLogTime(queues []record.Queue, at time.Time) []record.Queue {
	for i := range queues {
		if q := &queues[i]; !q.Counted.IsZero() {
			q.Counted = at.Add(-time.Since(q.Counted))
		}
	}
	return queues
}

// changes returns the queues that the log does not know as they are.
func (b *queueBook) changes() []record.Queue {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := time.Since(b.full) >= fullEvery
	if all {
		b.full = time.Now()
	}
	var changed []record.Queue
	for _, service := range sortedNames(b.seen) {
		q := b.seen[service]
		if told, ok := b.told[service]; !all && ok && sameQueue(&told, &q) {
			continue
		}
		changed = append(changed, record.QueueOf(&q))
	}
	if b.told == nil || all {
		b.told = make(map[string]flow.QueueSeen, len(b.seen))
	}
	for service, q := range b.seen {
		b.told[service] = q
	}
	return changed
}

// again has the next pulse tell of all queues.
func (b *queueBook) again() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.full = time.Time{}
}

func sameQueue(a, b *flow.QueueSeen) bool {
	if a.Queue != b.Queue || a.Assumed != b.Assumed || a.Missing != b.Missing || a.Hidden != b.Hidden ||
		a.Ready != b.Ready || a.Unacked != b.Unacked || !a.Counted.Equal(b.Counted) ||
		a.Consumers != b.Consumers || a.BindingsKnown != b.BindingsKnown || len(a.Bindings) != len(b.Bindings) {
		return false
	}
	for i := range a.Bindings {
		if a.Bindings[i] != b.Bindings[i] {
			return false
		}
	}
	return true
}
