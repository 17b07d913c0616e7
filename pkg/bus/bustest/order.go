package bustest

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
	"sync"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
)

// crowd watches how many handlers run at a time, in all and for each key.
type crowd struct {
	mu     sync.Mutex
	now    int
	most   int
	keys   map[string]int
	shared []string // keys that two handlers had at a time
}

func (c *crowd) enter(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.keys == nil {
		c.keys = make(map[string]int)
	}
	c.now++
	c.most = max(c.most, c.now)
	if c.keys[key]++; c.keys[key] > 1 {
		c.shared = append(c.shared, key)
	}
}

func (c *crowd) leave(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now--
	c.keys[key]--
}

func (c *crowd) seen() (most int, shared []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.most, c.shared
}

// testOrder: events of one key are handled one at a time and in the order in
// which they were published, however many handlers run.
func testOrder(s *stage) {
	const keys, each = 12, 30
	got := s.record()
	var together crowd
	s.serve(bus.Config{Service: "payment", Concurrency: 8}, func(ctx context.Context, e event.Event) error {
		together.enter(e.Subject)
		defer together.leave(e.Subject)
		got.add(ctx, e)
		for range len(e.ID) % 7 * 10 {
			runtime.Gosched() // lets others overtake, if they can
		}
		return nil
	}, "order.placed", "order.paid")
	publisher := s.publisher()
	ctx := s.patience()
	results := make(chan error, keys*each)
	for n := range each {
		for k := range keys {
			e := made([]string{"order.placed", "order.paid"}[n%2]).WithSubject(strconv.Itoa(k))
			e.Extensions = map[string]string{"n": strconv.Itoa(n)}
			publisher.PublishAsync(ctx, e, func(err error) { results <- err })
		}
	}
	for range keys * each {
		require.NoError(s, receive(s, results, "confirm"))
	}
	next := map[string]int{}
	for _, c := range got.wait(keys * each) {
		require.Equal(s, strconv.Itoa(next[c.Subject]), c.Extensions["n"], "the next event of key %s", c.Subject)
		next[c.Subject]++
	}
	most, shared := together.seen()
	require.Empty(s, shared, "keys that two handlers had at a time")
	require.LessOrEqual(s, most, 8)
}

// testOrderByFlow: where there is a flow, it is the key, whatever the subject.
func testOrderByFlow(s *stage) {
	const n = 40
	got := s.record()
	var together crowd
	s.serve(bus.Config{Service: "payment", Concurrency: 4}, func(ctx context.Context, e event.Event) error {
		together.enter(e.FlowID)
		defer together.leave(e.FlowID)
		got.add(ctx, e)
		runtime.Gosched()
		return nil
	}, "order.placed")
	publisher := s.publisher()
	ctx, _ := publisher.StartFlow(s.patience(), "order", "1042")
	var sent []string
	results := make(chan error, n)
	for i := range n {
		e := made("order.placed").WithSubject(fmt.Sprint("item-", i))
		sent = append(sent, e.ID)
		publisher.PublishAsync(ctx, e, func(err error) { results <- err })
	}
	for range n {
		require.NoError(s, receive(s, results, "confirm"))
	}
	require.Equal(s, sent, ids(got.wait(n)))
	_, shared := together.seen()
	require.Empty(s, shared, "flows that two handlers had at a time")
}

// testConcurrency: events of different keys are handled at the same time, as
// many as configured, never more.
func testConcurrency(s *stage) {
	const concurrency, n = 4, 80
	got := s.record()
	var together crowd
	inside := make(chan struct{}, n)
	release := make(chan struct{})
	s.serve(bus.Config{Service: "payment", Concurrency: concurrency}, func(ctx context.Context, e event.Event) error {
		together.enter(e.ID)
		defer together.leave(e.ID)
		got.add(ctx, e)
		inside <- struct{}{}
		err := hold(ctx, release)
		for range 50 {
			runtime.Gosched() // lets more come in, if they can
		}
		return err
	}, "order.placed")
	publisher := s.publisher()
	for range n {
		s.publish(publisher, made("order.placed"))
	}
	for range concurrency {
		receive(s, inside, "handlers that run at the same time")
	}
	close(release)
	got.wait(n)
	most, _ := together.seen()
	require.Equal(s, concurrency, most)
}

// testSlowKey: a key whose handler is slow holds up no other key.
func testSlowKey(s *stage) {
	const n = 30
	got := s.record()
	slow, release := make(chan struct{}), make(chan struct{})
	s.serve(bus.Config{Service: "payment", Concurrency: 2}, func(ctx context.Context, e event.Event) error {
		if e.Subject == "slow" {
			close(slow)
			if err := hold(ctx, release); err != nil {
				return err
			}
		}
		got.add(ctx, e)
		return nil
	}, "order.placed")
	publisher := s.publisher()
	s.publish(publisher, made("order.placed").WithSubject("slow"))
	receive(s, slow, "the slow one")
	for range n {
		s.publish(publisher, made("order.placed"))
	}
	for _, c := range got.wait(n) {
		require.NotEqual(s, "slow", c.Subject)
	}
	close(release)
	got.wait(n + 1)
}

// testPipelining: a caller that does not wait for confirms still has its events
// in order, in the log and at the service.
func testPipelining(s *stage) {
	const n = 1500
	got := s.record()
	s.serve(bus.Config{Service: "payment"}, got.handle, "order.placed")
	publisher := s.publisher()
	ctx := s.patience()
	sent := make([]string, n)
	results := make(chan error, n)
	for i := range n {
		e := made("order.placed").WithSubject("1042")
		sent[i] = e.ID
		publisher.PublishAsync(ctx, e, func(err error) { results <- err })
	}
	for range n {
		require.NoError(s, receive(s, results, "confirm"))
	}
	got.wait(n)
	require.Equal(s, sent, ids(got.all()), "order at the service")
	require.Equal(s, sent, recordIDs(s.logUntil(sent[n-1], events)), "order in the log")
}
