package bustest

import (
	"context"
	"slices"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
)

// fence is a type that every service of a test asks for besides what is tested:
// when its event has come, so has all that was to come before it.
const fence = "test.fence"

// testSeveralTypes: one handler may listen to several types, one service may
// have several handlers, and each gets its own.
func testSeveralTypes(s *stage) {
	first, second := s.record(), s.record()
	b, t := s.newBus(bus.Config{Service: "payment", Concurrency: 1})
	b.HandleFunc(first.handle, "order.placed", "order.canceled", "stock.confirmed")
	b.HandleFunc(second.handle, "parcel.sent", fence)
	s.run(b, t)
	publisher := s.publisher()
	sent := []event.Event{
		made("order.canceled"), made("parcel.sent"), made("stock.confirmed"),
		made("refund.processed"), made("order.placed"), made(fence),
	}
	s.publish(publisher, sent...)
	require.ElementsMatch(s, []string{sent[1].ID, sent[5].ID}, ids(second.until(sent[5].ID)))
	require.ElementsMatch(s, []string{sent[0].ID, sent[2].ID, sent[4].ID}, ids(first.wait(3)))
	require.Empty(s, s.broker.Parked(s, "payment"), "what nobody asked for did not come")
}

// testPatterns: a queue receives exactly what its patterns match, each event
// once, however many of its patterns match it.
func testPatterns(s *stage) {
	types := []string{
		"order", "order.placed", "order.item.added", "stock.confirmed", "stock.item.confirmed",
		"placed", "order.placed.again",
	}
	asked := map[string][]string{
		"exact":    {"order.placed"},
		"one":      {"order.*"},
		"tail":     {"order.#"},
		"head":     {"*.placed"},
		"middle":   {"*.item.*"},
		"anywhere": {"#.confirmed"},
		"twice":    {"order.*", "*.placed", "order.placed"},
		"all":      {"#"},
	}
	records := map[string]*record{}
	for name, keys := range asked {
		r := s.record()
		records[name] = r
		s.serve(bus.Config{Service: name, Concurrency: 1}, r.handle, append([]string{fence}, keys...)...)
	}
	publisher := s.publisher()
	sent := make([]event.Event, len(types))
	for i, typ := range types {
		sent[i] = made(typ).WithSubject("1042")
	}
	last := made(fence).WithSubject("1042")
	s.publish(publisher, append(slices.Clone(sent), last)...)
	for name, keys := range asked {
		var want []string
		for _, e := range sent {
			if slices.ContainsFunc(keys, func(key string) bool { return bus.MatchTopic(key, e.Type) }) {
				want = append(want, e.ID)
			}
		}
		require.Equal(s, append(want, last.ID), ids(records[name].until(last.ID)), "service %s asks for %v", name, keys)
	}
}

// testFanOut: every service that asks for an event receives it once.
func testFanOut(s *stage) {
	const n = 50
	services := []string{"payment", "inventory", "delivery"}
	records := map[string]*record{}
	for _, name := range services {
		records[name] = s.record()
		s.serve(bus.Config{Service: name, Concurrency: 1}, records[name].handle, "order.placed")
	}
	publisher := s.publisher()
	var sent []string
	for range n {
		e := made("order.placed").WithSubject("1042")
		sent = append(sent, e.ID)
		s.publish(publisher, e)
	}
	for _, name := range services {
		records[name].wait(n)
		require.Equal(s, sent, ids(records[name].all()), "service %s", name)
	}
}

// testCompeting: several instances of one service share its queue. Each event
// is handled by one of them, and one that is busy holds up no other.
func testCompeting(s *stage) {
	const n = 100
	got := [2]*record{s.record(), s.record()}
	busy := make(chan struct{}) // closed once both have something in hand
	arrived := make(chan int, 2)
	for i, r := range got {
		s.serve(bus.Config{Service: "payment", Concurrency: 1}, func(ctx context.Context, e event.Event) error {
			if c := r.add(ctx, e); len(r.all()) == 1 && c.attempt == 1 {
				arrived <- i
				return hold(ctx, busy)
			}
			return nil
		}, "order.placed")
	}
	publisher := s.publisher()
	ctx := s.patience()
	var sent []string
	results := make(chan error, n)
	for range n {
		e := made("order.placed")
		sent = append(sent, e.ID)
		publisher.PublishAsync(ctx, e, func(err error) { results <- err })
	}
	for range n {
		require.NoError(s, receive(s, results, "confirm"))
	}
	both := []int{receive(s, arrived, "event at an instance"), receive(s, arrived, "event at the other instance")}
	require.ElementsMatch(s, []int{0, 1}, both)
	close(busy)
	s.eventually(func() bool { return len(got[0].all())+len(got[1].all()) >= n }, "%d events at both instances", n)
	require.ElementsMatch(s, sent, append(ids(got[0].all()), ids(got[1].all())...))
}

// testAway: a service's queue keeps what comes while the service is away.
func testAway(s *stage) {
	got := s.record()
	v := s.serve(bus.Config{Service: "payment"}, got.handle, "order.placed")
	v.stop()
	publisher := s.publisher()
	var sent []string
	for range 20 {
		e := made("order.placed").WithSubject("1042")
		sent = append(sent, e.ID)
		s.publish(publisher, e)
	}
	require.Empty(s, got.all())
	s.serve(bus.Config{Service: "payment"}, got.handle, "order.placed")
	got.wait(len(sent))
	require.Equal(s, sent, ids(got.all()))
}

// testLeftOverBinding: what a binding of an older version brings is parked, not
// lost, and holds up nothing.
func testLeftOverBinding(s *stage) {
	got := s.record()
	old := s.serve(bus.Config{Service: "payment"}, got.handle, "order.placed", "order.amended")
	old.stop()
	s.serve(bus.Config{Service: "payment", Concurrency: 1}, got.handle, "order.placed")
	publisher := s.publisher()
	amended, placed := made("order.amended").WithSubject("1042"), made("order.placed").WithSubject("1042")
	s.publish(publisher, amended, placed)
	require.Equal(s, []string{placed.ID}, ids(got.until(placed.ID)))
	parked := s.parked(1)
	require.Equal(s, amended.ID, parked[0].Event.ID)
	require.Contains(s, parked[0].Headers[bus.HeaderError], bus.ErrNoHandler.Error())
}

// testUnrouted: an event that nobody asks for is confirmed, and kept where a
// person finds it.
func testUnrouted(s *stage) {
	got := s.record()
	s.serve(bus.Config{Service: "payment", Concurrency: 1}, got.handle, "order.placed", fence)
	publisher, _ := s.newBus(bus.Config{Service: "order", Hooks: []bus.Hook{stamp{}}})
	misspelt := complete()
	misspelt.Type = "order.plaecd"
	s.publish(publisher, misspelt)
	last := made(fence)
	s.publish(publisher, last)
	require.Equal(s, []string{last.ID}, ids(got.until(last.ID)))

	var unrouted []bus.Message
	s.eventually(func() bool {
		unrouted = s.broker.Unrouted(s)
		return len(unrouted) > 0
	}, "the unrouted event")
	require.Len(s, unrouted, 1, "only what nobody asked for is unrouted")
	s.sameEvent(misspelt, unrouted[0].Event, "unrouted event")
	require.Equal(s, traceparent, unrouted[0].Headers["traceparent"])
	require.Empty(s, s.broker.Lost(s))

	logged := s.logUntil(last.ID, events)
	require.Equal(s, []string{misspelt.ID, last.ID}, recordIDs(logged), "the log has every event once, wanted or not")
}
