package membus

import (
	"time"

	"github.com/laban-io/laban/pkg/bus"
)

// retryKey names the queue of one retry level of one service.
type retryKey struct {
	service string
	level   time.Duration
}

// retry is that queue: the copies wait in it for as long as the level says and
// then go back to the service's own queue, and to no other. All wait equally
// long, so the first one in is the first one out, and one timer is enough.
// Broker.mu guards it.
type retry struct {
	key     retryKey
	limit   int
	waiting ring[waiter]
	timer   *time.Timer // runs while something waits
}

type waiter struct {
	message *message
	attempt int
	due     time.Time
}

func (r *retry) full() bool { return r.waiting.len() >= r.limit }

// delay puts a copy into r, with b.mu held.
func (b *Broker) delay(r *retry, m *message, attempt int) {
	r.waiting.pushBack(waiter{m, attempt, time.Now().Add(r.key.level)})
	if r.waiting.len() == 1 {
		b.arm(r)
	}
}

// arm sets r's timer for the first that waits, with b.mu held.
func (b *Broker) arm(r *retry) {
	wait := time.Until(r.waiting.at(0).due)
	if r.timer == nil {
		r.timer = time.AfterFunc(wait, func() { b.ripen(r) })
		return
	}
	r.timer.Reset(wait)
}

// ripen sends back what has waited long enough.
func (b *Broker) ripen(r *retry) {
	b.mu.Lock()
	defer b.mu.Unlock()
	q := b.queues[r.key.service]
	if q == nil || b.retries[r.key] != r {
		return // declaring the queue again ripens, see declare
	}
	if r.full() {
		defer b.gate.changed() // who waits to put a copy in may
	}
	now := time.Now()
	for r.waiting.len() > 0 && !r.waiting.at(0).due.After(now) {
		w := r.waiting.popFront()
		q.push(w.message, w.attempt)
	}
	if r.waiting.len() > 0 {
		b.arm(r)
	}
	b.dispatch(q)
}

// deleteRetry deletes a retry queue and what waits in it, with b.mu held.
func (b *Broker) deleteRetry(key retryKey) {
	if r := b.retries[key]; r != nil && r.timer != nil {
		r.timer.Stop()
	}
	delete(b.retries, key)
}

// declare makes what a subscription needs, as far as it is missing, with b.mu
// held. Nothing is ever taken away: another version of the service may need it.
func (b *Broker) declare(s bus.Subscription) *queue {
	q := b.queues[s.Queue]
	if q == nil {
		q = &queue{name: s.Queue, limit: b.cfg.QueueMessages}
		b.queues[s.Queue] = q
	}
	for _, key := range s.Keys {
		b.exchange.bind(key, q)
	}
	for _, level := range s.RetryLevels {
		key := retryKey{s.Queue, level}
		r := b.retries[key]
		if r == nil {
			b.retries[key] = &retry{key: key, limit: b.cfg.QueueMessages}
		} else if r.waiting.len() > 0 {
			b.arm(r) // the copies may have come due while q was missing
		}
	}
	if b.parked[s.Queue] == nil {
		b.parked[s.Queue] = &shelf{limit: b.cfg.QueueMessages}
	}
	return q
}
