package membus

import "slices"

// queue is the one queue of a service. Broker.mu guards it.
type queue struct {
	name      string
	limit     int
	entries   ring[entry] // by seq
	lastSeq   uint64
	consumers []*session
	next      int // the consumer whose turn it is
}

// entry is a message's place in a queue.
type entry struct {
	*message
	seq         uint64
	attempt     int
	redelivered bool
}

func (q *queue) full() bool { return q.entries.len() >= q.limit }

// push adds a message at the end.
func (q *queue) push(m *message, attempt int) {
	q.lastSeq++
	q.entries.pushBack(entry{message: m, seq: q.lastSeq, attempt: attempt})
}

// putBack returns an entry to the place where it was, before all that came
// after it.
func (q *queue) putBack(e entry) {
	e.redelivered = true
	q.entries.pushFront(e)
	for i := 1; i < q.entries.len() && q.entries.at(i).seq < e.seq; i++ {
		*q.entries.at(i - 1), *q.entries.at(i) = *q.entries.at(i), *q.entries.at(i - 1)
	}
}

// dispatch hands out what is in q to consumers that can take it, in turn.
func (b *Broker) dispatch(q *queue) {
	for q.entries.len() > 0 {
		s := q.nextConsumer()
		if s == nil {
			return
		}
		if q.entries.len() == q.limit {
			b.gate.changed() // a full queue has room again
		}
		s.hand(q.entries.popFront())
	}
}

// nextConsumer returns the next consumer that has room, or nil.
func (q *queue) nextConsumer() *session {
	for range q.consumers {
		s := q.consumers[q.next%len(q.consumers)]
		q.next = (q.next + 1) % len(q.consumers)
		if s.consumer.outstanding < s.consumer.prefetch {
			return s
		}
	}
	return nil
}

func (q *queue) leave(s *session) {
	q.consumers = slices.DeleteFunc(q.consumers, func(c *session) bool { return c == s })
	q.next = 0
}
