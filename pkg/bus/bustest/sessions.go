package bustest

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
)

// load is many events under way, some of which fail once and some for good. It
// counts what became of each.
type load struct {
	s         *stage
	handled   *record
	together  crowd
	publisher *bus.Bus
	ctx       context.Context

	mu     sync.Mutex
	sent   []string
	errs   []error
	asked  sync.WaitGroup
	paused chan struct{} // while it is open, events that are to fail wait
}

// What becomes of an event, by its subject's prefix.
const (
	fine      = "fine"
	failsOnce = "once"
	hopeless  = "hopeless"
)

func (s *stage) newLoad(timeout time.Duration) *load {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	s.Cleanup(cancel)
	l := &load{s: s, handled: s.record(), publisher: s.publisher(), ctx: ctx, paused: make(chan struct{})}
	close(l.paused)
	return l
}

// handle is the handler of the service under load.
func (l *load) handle(ctx context.Context, e event.Event) error {
	l.together.enter(e.Subject)
	defer l.together.leave(e.Subject)
	attempt := bus.DeliveryFrom(ctx).Attempt
	switch fate := e.Extensions["fate"]; {
	case fate == hopeless:
		if err := hold(ctx, l.paused); err != nil {
			return err
		}
		return bus.Permanent(errBoom)
	case fate == failsOnce && attempt == 1:
		if err := hold(ctx, l.paused); err != nil {
			return err
		}
		return errBoom
	}
	l.handled.add(ctx, e)
	return nil
}

// send publishes events without waiting for confirms, every tenth of which
// fails once and every tenth for good.
func (l *load) send(n int) {
	for i := range n {
		e := made("order.placed").WithSubject(fmt.Sprint("order-", i%17))
		e.Extensions = map[string]string{"fate": fine}
		switch i % 10 {
		case 3:
			e.Extensions["fate"] = failsOnce
		case 7:
			e.Extensions["fate"] = hopeless
		}
		l.mu.Lock()
		l.sent = append(l.sent, e.ID)
		l.mu.Unlock()
		l.asked.Add(1)
		l.publisher.PublishAsync(l.ctx, e, func(err error) {
			l.mu.Lock()
			defer l.mu.Unlock()
			defer l.asked.Done()
			if err != nil {
				l.errs = append(l.errs, err)
			}
		})
	}
}

// confirmed requires that the broker has confirmed every event.
func (l *load) confirmed() {
	l.s.Helper()
	l.asked.Wait() // bounded by l.ctx
	require.Empty(l.s, l.errs)
}

// accounted requires that every event that was sent was handled, or parked, or
// is kept where a person finds it, and that nothing else is there.
func (l *load) accounted(places ...func() []bus.Message) {
	l.s.Helper()
	missing := func() []string {
		known := map[string]bool{}
		for _, c := range l.handled.all() {
			known[c.ID] = true
		}
		for _, place := range places {
			for _, m := range place() {
				known[m.Event.ID] = true
			}
		}
		var missing []string
		for _, id := range l.sent {
			if !known[id] {
				missing = append(missing, id)
			}
		}
		return missing
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.Now().Add(2 * l.s.h.Patience)
	left := missing()
	for len(left) > 0 && time.Now().Before(deadline) {
		<-tick.C
		left = missing()
	}
	require.Empty(l.s, left, "lost of %d events that were published", len(l.sent))
	_, shared := l.together.seen()
	require.Empty(l.s, shared, "keys that two handlers had at a time")
}

func (l *load) parked() []bus.Message { return l.s.broker.Parked(l.s, "payment") }
func (l *load) lost() []bus.Message   { return l.s.broker.Lost(l.s) }

// testCutUnderLoad: connections are cut again and again while events are
// published, handled, retried and parked. All of them are handled or parked.
func testCutUnderLoad(s *stage) {
	l := s.newLoad(3 * s.h.Patience)
	s.serve(bus.Config{Service: "payment"}, l.handle, "order.placed")
	for cut := range 4 {
		l.send(100)
		l.handled.wait(60*cut + 10) // so that it is under way
		s.broker.CutConnections(s)
	}
	l.send(100)
	l.confirmed()
	l.accounted(l.parked)
	require.Empty(s, s.broker.Lost(s))
}

// testRestartUnderLoad: the same with a broker that goes and comes back.
func testRestartUnderLoad(s *stage) {
	l := s.newLoad(10 * s.h.Patience)
	s.serve(bus.Config{Service: "payment"}, l.handle, "order.placed")
	l.send(150)
	l.handled.wait(20)
	s.broker.Restart(s)
	l.send(150)
	l.confirmed()
	l.accounted(l.parked)
	require.Empty(s, s.broker.Lost(s))
}

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
		e := made("order.placed").WithSubject(fmt.Sprint(i))
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

// testAnnouncedAgain: a service says who it is at the start of each session.
func testAnnouncedAgain(s *stage) {
	s.serve(bus.Config{Service: "payment"}, s.record().handle, "order.placed")
	log := s.tail(s.transport(), bus.First())
	require.Equal(s, bus.AnnouncementType, log.next(direct).Event.Type)
	s.broker.CutConnections(s)
	require.Equal(s, bus.AnnouncementType, log.next(direct).Event.Type)
}

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
	s.eventually(func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
		defer cancel()
		start := time.Now()
		err := publisher.Publish(ctx, made("order.placed"))
		require.Less(s, time.Since(start), 5*time.Second, "a deadline bounds a publish")
		require.Error(s, err)
		return isAny(err, bus.ErrBlocked) // the first may have been on its way
	}, "an error that says that the broker blocks publishers")

	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	start := time.Now()
	e := complete()
	require.Error(s, t.SendToLog(ctx, &bus.Message{Event: e, RoutingKey: e.Type}))
	require.Less(s, time.Since(start), 5*time.Second, "a deadline bounds a write into the log")

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
	require.Less(s, time.Since(start), 5*time.Second, "a deadline bounds closing")
	for range n {
		require.Error(s, receive(s, results, "answer to a publish"))
	}
}
