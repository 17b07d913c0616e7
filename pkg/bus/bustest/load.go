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
	ctx       context.Context //nolint:containedctx // what all of the load is published in

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
