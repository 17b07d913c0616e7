package bustest

import (
	"context"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/bus"
)

// testBlocked: while the broker accepts nothing, publishing ends by its deadline
// with the reason, and works again after.
func testBlocked(s *stage) {
	publisher, t := s.newBus(bus.Config{Service: "order"})
	s.publish(publisher, made("order.placed"))
	s.broker.Block(s, true)
	blocked := true
	defer func() {
		if blocked {
			s.broker.Block(s, false)
		}
	}()
	s.untilBlocked(publisher)

	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	start := time.Now()
	e := complete()
	require.Error(s, t.SendToLog(ctx, &bus.Message{Event: e, RoutingKey: e.Type}))
	require.Less(s, time.Since(start), s.h.Patience, "a deadline bounds a write into the log")

	s.broker.Block(s, false)
	blocked = false
	s.publish(publisher, made("order.placed"))
}

// testCloseBlocked: closing a transport that can't get rid of its messages ends
// by its deadline, and each message has its answer.
func testCloseBlocked(s *stage) {
	publisher, t := s.newBus(bus.Config{Service: "order"})
	s.publish(publisher, made("order.placed"))
	s.broker.Block(s, true)
	defer s.broker.Block(s, false)
	s.untilBlocked(publisher)
	const n = 3
	results := make(chan error, n)
	patient, giveUp := context.WithTimeout(context.Background(), 10*s.h.Patience)
	defer giveUp() // the answer is to come from closing, not from this deadline
	for range n {
		go func() { results <- publisher.Publish(patient, made("order.placed")) }()
	}
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	start := time.Now()
	_ = t.Close(ctx) // whether it knew of the messages is a matter of moments
	require.Less(s, time.Since(start), s.h.Patience, "a deadline bounds closing")
	for range n {
		require.Error(s, receive(s, results, "answer to a publish"))
	}
}

// untilBlocked publishes until it is told that the broker blocks publishers. What
// was published first may have been on its way, or may have been taken: a broker
// looks at one connection after the other.
func (s *stage) untilBlocked(publisher *bus.Bus) {
	s.eventually(func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
		defer cancel()
		start := time.Now()
		err := publisher.Publish(ctx, made("order.placed"))
		require.Less(s, time.Since(start), s.h.Patience, "a deadline bounds a publish")
		return isAny(err, bus.ErrBlocked)
	}, "an error that says that the broker blocks publishers")
}
