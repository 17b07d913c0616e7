package bustest

import (
	"context"
	"strconv"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
)

// testRedelivery: what a handler had in hand when its connection was cut comes
// again, marked, and not while the handler is still at it.
func testRedelivery(s *stage) {
	got := s.record()
	var together crowd
	sessionLost := make(chan error, 4)
	inside := make(chan struct{}, 4)
	s.serve(bus.Config{Service: "payment", Concurrency: 4}, func(ctx context.Context, e event.Event) error {
		together.enter(e.Subject)
		defer together.leave(e.Subject)
		if c := got.add(ctx, e); c.redelivered {
			return nil
		}
		inside <- struct{}{}
		<-ctx.Done()
		sessionLost <- context.Cause(ctx)
		timer := time.NewTimer(50 * time.Millisecond) // takes its time to give up
		defer timer.Stop()
		<-timer.C
		return nil // and what it says then counts nothing
	}, "order.placed")
	publisher := s.publisher()
	var sent []string
	for i := range 4 {
		e := made("order.placed").WithSubject(strconv.Itoa(i))
		sent = append(sent, e.ID)
		s.publish(publisher, e)
	}
	for range 4 {
		receive(s, inside, "handler")
	}
	s.broker.CutConnections(s)
	for range 4 {
		require.ErrorIs(s, receive(s, sessionLost, "end of the handler's context"), bus.ErrSessionLost)
	}
	calls := got.wait(8)
	require.ElementsMatch(s, sent, ids(calls[:4]))
	require.ElementsMatch(s, sent, ids(calls[4:]))
	for _, c := range calls[4:] {
		require.True(s, c.redelivered)
		require.Equal(s, 1, c.attempt, "a lost session is no attempt")
	}
	_, shared := together.seen()
	require.Empty(s, shared, "keys that two handlers had at a time")
}

// testStaleSettlement: what is settled after its session was lost acknowledges
// nothing, least of all something that was handed out in the next session.
func testStaleSettlement(s *stage) {
	const n = 5
	got := s.record()
	inside, late := make(chan struct{}, n), make(chan struct{})
	settled := make(settlements, 4*n)
	s.serve(bus.Config{Service: "payment", Concurrency: n, Hooks: []bus.Hook{settled}}, func(ctx context.Context, e event.Event) error {
		c := got.add(ctx, e)
		if e.Subject == "early" && !c.redelivered {
			inside <- struct{}{}
			return hold(context.WithoutCancel(ctx), late)
		}
		return nil
	}, "order.placed")
	publisher := s.publisher()
	var sent []string
	send := func(subject string) {
		e := made("order.placed").WithSubject(subject)
		e.FlowName, e.FlowID = "order", event.NewID() // a key of its own
		sent = append(sent, e.ID)
		s.publish(publisher, e)
	}
	for range n {
		send("early")
	}
	for range n {
		receive(s, inside, "handler")
	}
	s.broker.CutConnections(s)
	for range n {
		send("late")
	}
	close(late)
	s.eventually(func() bool {
		again := map[string]bool{}
		for _, c := range got.all() {
			if c.redelivered || c.Subject == "late" {
				again[c.ID] = true
			}
		}
		return len(again) == 2*n
	}, "every event after the cut")
	require.Empty(s, s.broker.Parked(s, "payment"))
	stale := 0
	for range 3 * n {
		if err := receive(s, settled, "settlement"); err != nil {
			require.ErrorIs(s, err, bus.ErrSessionLost)
			stale++
		}
	}
	require.Equal(s, n, stale, "who settles too late is told so")
}

// settlements is a hook that notes how deliveries were settled.
type settlements chan error

func (settlements) SettleStart(ctx context.Context, _ *bus.Delivery, _ bus.Verdict) context.Context {
	return ctx
}

func (c settlements) SettleEnd(_ context.Context, _ *bus.Delivery, _ bus.Verdict, _ time.Duration, err error) {
	c <- err
}

// testOrderAfterCut: what comes again after a cut comes before what is yet to
// come, and in order: leaving out repetitions, a key's events are in the order in
// which they were published.
func testOrderAfterCut(s *stage) {
	const n = 100
	got := s.record()
	inside := make(chan struct{}, 3)
	s.serve(bus.Config{Service: "payment"}, func(ctx context.Context, e event.Event) error {
		if e.Extensions["until"] == "cut" && !bus.DeliveryFrom(ctx).Redelivered {
			inside <- struct{}{}
			<-ctx.Done()
		}
		if ctx.Err() == nil {
			got.add(ctx, e)
		}
		return ctx.Err()
	}, "order.placed")
	publisher := s.publisher()
	ctx := s.patience()
	var sent []string
	results := make(chan error, 3*n)
	for range 3 {
		for i := range n {
			e := made("order.placed").WithSubject("1042")
			if i == n/2 {
				e.Extensions = map[string]string{"until": "cut"}
			}
			sent = append(sent, e.ID)
			publisher.PublishAsync(ctx, e, func(err error) { results <- err })
		}
		receive(s, inside, "a handler that waits for the cut")
		s.broker.CutConnections(s)
	}
	for range 3 * n {
		require.NoError(s, receive(s, results, "confirm"))
	}
	var first []string
	s.eventually(func() bool {
		seen := map[string]bool{}
		first = nil
		for _, c := range got.all() {
			if !seen[c.ID] {
				seen[c.ID] = true
				first = append(first, c.ID)
			}
		}
		return len(first) == len(sent)
	}, "every event")
	require.Equal(s, sent, first)
}

// testAnnouncedAgain: a service says who it is at the start of each session.
func testAnnouncedAgain(s *stage) {
	s.serve(bus.Config{Service: "payment"}, s.record().handle, "order.placed")
	log := s.tail(s.transport(), bus.First())
	require.Equal(s, bus.AnnouncementType, log.next(direct).Event.Type)
	s.broker.CutConnections(s)
	require.Equal(s, bus.AnnouncementType, log.next(direct).Event.Type)
}
