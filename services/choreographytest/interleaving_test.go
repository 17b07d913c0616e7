package choreographytest

import (
	"context"
	"flag"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/laban-io/laban/pkg/membus"
	"github.com/laban-io/laban/pkg/outbox"
)

func TestMain(m *testing.M) {
	if runAsInventory() {
		return
	}
	// An example here is a dozen orders through five services, so fewer than
	// usual will do. A flag on the command line goes before.
	if err := flag.Set("rapid.checks", "20"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

// Many orders at once, on a broker that delivers in any order and more than
// once and loses connections, with customers who cancel at any moment.
func TestAnyInterleavingEndsRight(t *testing.T) {
	on, broker := inMemory(t)
	s := start(t, on)
	rapid.Check(t, func(t *rapid.T) {
		s.post.play(&mischief{
			rng:      rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0)),
			maxDelay: time.Duration(rapid.IntRange(1, 20).Draw(t, "delay in ms")) * time.Millisecond,
			copies:   rapid.IntRange(0, 2).Draw(t, "copies"),
		})
		plans := rapid.SliceOfN(rapid.Custom(drawCustomer), 4, 12).Draw(t, "customers")
		cuts := rapid.IntRange(0, 3).Draw(t, "lost connections")

		var (
			customers sync.WaitGroup
			mu        sync.Mutex
			wishes    = map[string]wish{}
			failures  report
		)
		for _, c := range plans {
			customers.Go(func() {
				id := s.place(&failures, c.wish)
				mu.Lock()
				wishes[id] = c.wish
				mu.Unlock()
				s.cancelOnce(&failures, id, c.cancelOn)
				s.journal.untilSettled(&failures, id)
			})
		}
		customers.Go(func() { cutConnections(s, broker, cuts) })
		customers.Wait()
		failures.require(t)

		s.post.play(nil)
		s.untilQuiet(t, broker)
		s.requireInvariants(t, wishes)
	})
}

// customer is one in a random history.
type customer struct {
	wish wish
	// cancelOn is the event at which the customer cancels: "" for never, "at
	// once" for right after placing.
	cancelOn string
}

func drawCustomer(t *rapid.T) customer {
	return customer{
		wish: rapid.SampledFrom([]wish{willShip(), willBeLost(), willBeDeclined(), willBeOut()}).Draw(t, "wish"),
		cancelOn: rapid.SampledFrom([]string{
			"", "at once", "order.placed", "stock.confirmed", "payment.confirmed", "payment.rejected", "order.shipped", "delivery.failed",
		}).Draw(t, "cancels on"),
	}
}

// cancelOnce cancels at a moment, unless the order is settled before.
func (s *system) cancelOnce(t require.TestingT, id, on string) {
	if on == "" {
		return
	}
	s.journal.until(t, "the moment to cancel", func() bool {
		h := s.journal.history(id)
		return on == "at once" || h[on] > 0 || h.settled()
	})
	s.cancel(t, id) // accepted, or too late
}

// cutConnections cuts all of the broker's connections, some events apart.
func cutConnections(s *system, broker *membus.Broker, times int) {
	for range times {
		for range 10 {
			select {
			case <-s.journal.changed():
			case <-time.After(20 * time.Millisecond): // there may be no more events
			}
		}
		broker.CutConnections()
	}
}

// untilQuiet waits for every copy to be delivered and handled.
func (s *system) untilQuiet(t require.TestingT, broker *membus.Broker) {
	s.post.quiet()
	require.Eventually(t, func() bool {
		before := s.journal.count()
		for _, q := range broker.Queues() {
			if q.Ready+q.Unacknowledged+q.Retrying > 0 {
				return false
			}
		}
		// What a service has stored and not published would come into the log.
		return s.outboxesAreEmpty() && s.journal.count() == before
	}, patience, 2*time.Millisecond)
}

// outboxesAreEmpty tells whether no service has events that are not published.
func (s *system) outboxesAreEmpty() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, p := range s.parts {
		stats, err := p.Outbox.(*outbox.Outbox).Stats(context.Background())
		if err != nil || stats.Backlog > 0 {
			return false
		}
		if stats.Failed > 0 {
			panic("the outbox of " + name + " has set an event aside")
		}
	}
	return true
}
