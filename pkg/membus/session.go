package membus

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/laban-io/laban/pkg/bus"
)

// session is the time between a consumer's coming and going. Deliveries can be
// settled within theirs only. Broker.mu guards it.
type session struct {
	consumer *consumer
	queue    *queue
	inHand   []*delivery
	lastTag  uint64
	lost     chan struct{} // closed when the session has ended

	// ctx is the context of the deliveries; it ends with the session.
	ctx    context.Context //nolint:containedctx // many deliveries share it
	cancel context.CancelCauseFunc
}

// newSession begins a session. What its handlers run in keeps the values of
// Consume's context but not its end, since they may finish after it.
func newSession(ctx context.Context, c *consumer, q *queue) *session {
	s := &session{consumer: c, queue: q, lost: make(chan struct{})}
	s.ctx, s.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	return s
}

// delivery is an entry in a consumer's hand.
type delivery struct {
	session *session
	entry   entry
	tag     uint64
	slot    int // its place in session.inHand; -1 when it is settled
	out     bus.Delivery
}

// hand gives an entry to s's consumer.
func (s *session) hand(e entry) {
	s.lastTag++
	d := &delivery{session: s, entry: e, tag: s.lastTag, slot: len(s.inHand)}
	s.inHand = append(s.inHand, d)
	s.consumer.outstanding++
	if !s.consumer.pool.Submit(e.event.OrderKey(), d) {
		panic("membus: a queue knows a consumer that has gone") //nolint:forbidigo // a consumer leaves its queue before its pool closes
	}
}

// take takes d out of its session's hand, and tells whether it was there.
func (d *delivery) take() bool {
	if d.slot < 0 {
		return false
	}
	s := d.session
	last := len(s.inHand) - 1
	moved := s.inHand[last]
	s.inHand[d.slot], s.inHand[last] = moved, nil
	moved.slot = d.slot
	s.inHand = s.inHand[:last]
	d.slot = -1
	return true
}

// lose ends a session at once: what it has in hand goes back to its queue.
// Losing one twice is fine.
func (b *Broker) lose(s *session) {
	if _, known := b.sessions[s]; !known {
		return
	}
	delete(b.sessions, s)
	s.queue.leave(s)
	slices.SortFunc(s.inHand, func(a, b *delivery) int { return cmp.Compare(b.entry.seq, a.entry.seq) })
	for _, d := range s.inHand {
		d.slot = -1
		s.queue.putBack(d.entry)
	}
	s.inHand = nil
	s.cancel(bus.ErrSessionLost)
	close(s.lost)
	b.dispatch(s.queue)
}

// open copies the message for its receiver.
func (d *delivery) open(info *bus.Info) {
	d.out = bus.Delivery{
		Message: d.entry.toBus(info), Queue: d.session.queue.name,
		Attempt: d.entry.attempt, Redelivered: d.entry.redelivered, Tag: d.tag,
		Received: time.Now(), Malformed: d.entry.malformed, Settler: d,
	}
}
