package bustest

import (
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/bus"
)

// testDeletedRetryQueue: a retry queue is deleted under load. The copies that
// would have waited in it are kept, and it is there again after the next
// session begins.
func testDeletedRetryQueue(s *stage) {
	level := 20 * time.Millisecond
	l := s.newLoad(3 * s.h.Patience)
	l.paused = make(chan struct{})
	v := s.serve(bus.Config{Service: "payment", RetryLevels: []time.Duration{level}, Concurrency: 20}, l.handle, "order.placed")
	l.send(60)
	l.handled.wait(1)
	s.broker.DeleteQueue(s, "payment", RetryQueue(level))
	close(l.paused)
	l.send(60)
	l.confirmed()
	l.accounted(l.parked, l.lost)
	for _, m := range s.broker.Lost(s) {
		require.Equal(s, "payment", m.Headers[bus.HeaderService])
		require.Equal(s, "2", m.Headers[bus.HeaderAttempt])
		require.Contains(s, m.Headers[bus.HeaderError], errBoom.Error())
		require.Equal(s, "order.placed", m.Headers[bus.HeaderRoutingKey])
	}
	lost := len(s.broker.Lost(s))
	require.NotZero(s, lost)
	v.stop() // two instances would not keep the order of a key
	s.serve(bus.Config{Service: "payment", RetryLevels: []time.Duration{level}}, l.handle, "order.placed")
	l.send(60)
	l.confirmed()
	l.accounted(l.parked, l.lost)
	require.Len(s, s.broker.Lost(s), lost, "retries work again")
}

// testDeletedParkedQueue: the same with the queue of parked messages.
func testDeletedParkedQueue(s *stage) {
	l := s.newLoad(3 * s.h.Patience)
	l.paused = make(chan struct{})
	v := s.serve(bus.Config{Service: "payment", Concurrency: 20}, l.handle, "order.placed")
	l.send(60)
	l.handled.wait(1)
	s.broker.DeleteQueue(s, "payment", ParkedQueue())
	close(l.paused)
	l.send(60)
	l.confirmed()
	l.accounted(l.parked, l.lost)
	lost := len(s.broker.Lost(s))
	require.NotZero(s, lost)
	v.stop()
	s.serve(bus.Config{Service: "payment"}, l.handle, "order.placed")
	l.send(60)
	l.confirmed()
	l.accounted(l.parked, l.lost)
	require.Len(s, s.broker.Lost(s), lost, "parking works again")
	require.NotEmpty(s, l.parked())
}

// testDeletedQueue: a consumer whose queue is deleted declares it again and goes
// on; what came in between is kept as unrouted.
func testDeletedQueue(s *stage) {
	got := s.record()
	s.serve(bus.Config{Service: "payment"}, got.handle, "order.placed")
	publisher := s.publisher()
	before := made("order.placed")
	s.publish(publisher, before)
	got.until(before.ID)
	s.broker.DeleteQueue(s, "payment", MainQueue())
	var sent []string
	s.eventually(func() bool {
		e := made("order.placed")
		sent = append(sent, e.ID)
		s.publish(publisher, e)
		return len(got.all()) > 1
	}, "an event after the queue was deleted")
	s.eventually(func() bool {
		known := map[string]bool{}
		for _, c := range got.all() {
			known[c.ID] = true
		}
		for _, m := range s.broker.Unrouted(s) {
			known[m.Event.ID] = true
		}
		return len(known) == len(sent)+1
	}, "every event handled or unrouted")
}
