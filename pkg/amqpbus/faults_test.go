package amqpbus_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/prometheus/client_golang/prometheus"
	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/testenv"
	"github.com/laban-io/laban/pkg/amqpbus"
	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
)

// slack is how much later than its deadline a call may return on a busy machine.
const slack = 10 * time.Second

// expired returns a context that ends after d.
func expired(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// within fails the test unless f returns within d and the slack.
func within(t *testing.T, d time.Duration, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	select {
	case <-done:
	case <-time.After(d + slack):
		require.Failf(t, "it hangs", "not back after %v", d+slack)
	}
}

// newBus returns a bus with quick retries on a transport.
func newBus(t *testing.T, transport bus.Transport, service string) *bus.Bus {
	t.Helper()
	b, err := bus.New(bus.Config{
		Service: service, RetryLevels: []time.Duration{50 * time.Millisecond}, Concurrency: 5, DrainTimeout: time.Second,
	}, transport)
	require.NoError(t, err)
	return b
}

// run runs a bus until the test ends.
func run(t *testing.T, b *bus.Bus) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	select {
	case <-b.Consuming():
	case <-time.After(20 * time.Second):
		require.Fail(t, "the bus does not consume")
	}
}

func publish(t *testing.T, b *bus.Bus, typ, id string) {
	t.Helper()
	e := event.New(typ, nil)
	e.ID = id
	require.NoError(t, b.Publish(t.Context(), e))
}

// set is a concurrent set of ids with how often each was added.
type set struct {
	mu     sync.Mutex
	counts map[string]int
}

func (s *set) add(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.counts == nil {
		s.counts = make(map[string]int)
	}
	s.counts[id]++
}

func (s *set) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.counts)
}

func (s *set) has(id string) bool { return s.count(id) > 0 }

func (s *set) count(id string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts[id]
}

// An acknowledgement that comes after a reconnect must not remove a message
// that nobody has processed: delivery tags start again with each channel.
func TestLateAcknowledgementsAfterAReconnectRemoveNothing(t *testing.T) {
	broker := testenv.RabbitMQ(t)
	b := newBus(t, open(t, broker.URL), "payment")
	held := make(chan struct{})
	var begun, processed set
	b.HandleFunc(func(_ context.Context, e event.Event) error {
		if len(e.ID) == 2 && !begun.has(e.ID) { // m1 to m5, the first time
			begun.add(e.ID)
			<-held // heeds no context, so that its acknowledgement comes late
		}
		processed.add(e.ID)
		return nil
	}, "a")
	run(t, b)
	for i := 1; i <= 5; i++ {
		publish(t, b, "a", fmt.Sprint("m", i))
	}
	require.Eventually(t, func() bool { return begun.len() == 5 }, 10*time.Second, 5*time.Millisecond)
	broker.CloseConnections(t)
	for i := 1; i <= 20; i++ {
		publish(t, b, "a", fmt.Sprintf("later %02d", i))
	}
	close(held)
	require.Eventually(t, func() bool { return processed.len() == 25 }, 30*time.Second, 10*time.Millisecond, "each message is processed")
	require.Eventually(t, func() bool { return broker.QueueLength(t, "payment") == 0 }, 10*time.Second, 50*time.Millisecond)
}

// untilBlocked publishes until the broker says that it is blocked, which it does
// only when something is published, and may still take that.
func untilBlocked(t *testing.T, transport bus.Transport, b *bus.Bus) {
	t.Helper()
	require.Eventually(t, func() bool {
		within(t, time.Second, func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if err := b.Publish(ctx, event.New("a", nil)); err != nil {
				require.ErrorIs(t, err, context.DeadlineExceeded)
			}
		})
		return errors.Is(transport.Ready(), bus.ErrBlocked)
	}, 10*time.Second, time.Millisecond)
}

func TestAMemoryAlarmHoldsPublishersUpNoLongerThanTheirDeadline(t *testing.T) {
	broker := testenv.PrivateRabbitMQ(t)
	transport := open(t, broker.URL)
	b := newBus(t, transport, "payment")
	publish(t, b, "a", "before")
	broker.SetMemoryAlarm(t, true)

	untilBlocked(t, transport, b)

	var wg sync.WaitGroup
	within(t, time.Second, func() {
		for range 50 {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				require.ErrorIs(t, b.Publish(ctx, event.New("a", nil)), bus.ErrBlocked)
			})
		}
		wg.Wait()
	})

	late := make(chan error, 1)
	b.PublishAsync(t.Context(), event.New("a", nil), func(err error) { late <- err })
	broker.SetMemoryAlarm(t, false)
	require.NoError(t, <-late, "what waited is sent when the alarm is over")
	require.Eventually(t, func() bool { return transport.Ready() == nil }, 10*time.Second, 10*time.Millisecond)

	broker.SetMemoryAlarm(t, true)
	defer broker.SetMemoryAlarm(t, false)
	untilBlocked(t, transport, b)
	b.PublishAsync(t.Context(), event.New("a", nil), func(err error) { late <- err })
	within(t, 3*time.Second, func() {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorContains(t, transport.Close(ctx), "not confirmed before closing")
	})
	require.ErrorIs(t, <-late, bus.ErrClosed)
}

// proxy puts a proxy that can misbehave before the broker, and returns the URL
// by way of it.
func proxy(t *testing.T, brokerURL string) (*toxiproxy.Proxy, string) {
	t.Helper()
	u, err := url.Parse(brokerURL)
	require.NoError(t, err)
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.Nop())
	p := toxiproxy.NewProxy(server, t.Name(), "127.0.0.1:0", u.Host)
	require.NoError(t, p.Start())
	t.Cleanup(p.Stop)
	u.Host = p.Listen
	return p, u.String()
}

// blackHole lets a proxy swallow what the client sends or is sent, in silence.
func blackHole(t *testing.T, p *toxiproxy.Proxy, on bool) {
	t.Helper()
	for _, stream := range []string{"upstream", "downstream"} {
		if on {
			_, err := p.Toxics.AddToxicJson(strings.NewReader(fmt.Sprintf(`{"name":%q,"type":"timeout","stream":%q,"attributes":{"timeout":0}}`, stream, stream)))
			require.NoError(t, err)
		} else {
			require.NoError(t, p.Toxics.RemoveToxic(context.Background(), stream))
		}
	}
}

func TestABlackHoleHoldsPublishersUpNoLongerThanTheirDeadline(t *testing.T) {
	p, proxied := proxy(t, testenv.RabbitMQ(t).URL)
	transport := open(t, proxied, func(c *amqpbus.Config) { c.Heartbeat = time.Second })
	b := newBus(t, transport, "payment")
	var processed set
	b.HandleFunc(func(_ context.Context, e event.Event) error { processed.add(e.ID); return nil }, "a")
	run(t, b)
	publish(t, b, "a", "before")

	blackHole(t, p, true)
	within(t, time.Second, func() {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := b.Publish(ctx, event.New("a", nil))
		require.ErrorIs(t, err, bus.ErrUnconfirmed)
	})
	require.Eventually(t, func() bool { return transport.Ready() != nil }, 10*time.Second, 10*time.Millisecond, "the heartbeat finds out")
	waiting := make(chan error, 1)
	e := event.New("a", nil)
	e.ID = "through the hole"
	b.PublishAsync(t.Context(), e, func(err error) { waiting <- err })
	blackHole(t, p, false)
	require.NoError(t, <-waiting)
	require.Eventually(t, func() bool { return processed.has("before") && processed.has("through the hole") }, 20*time.Second, 10*time.Millisecond)
}

// What is published while connections are cut again and again arrives, each
// message at least once.
func TestConnectionsThatAreCutUnderLoadLoseNothing(t *testing.T) {
	broker := testenv.RabbitMQ(t)
	b := newBus(t, open(t, broker.URL, func(c *amqpbus.Config) { c.PublishTimeout = time.Minute }), "payment")
	var processed set
	b.HandleFunc(func(_ context.Context, e event.Event) error {
		if e.ID[0] == '7' && !processed.has(e.ID+" tried") {
			processed.add(e.ID + " tried")
			return errors.New("not yet") // some go through a retry queue
		}
		processed.add(e.ID)
		return nil
	}, "a")
	run(t, b)

	const n = 3000
	results := make(chan error, n)
	for i := range n {
		e := event.New("a", nil)
		e.ID = fmt.Sprint(i)
		b.PublishAsync(t.Context(), e, func(err error) { results <- err })
		if i%750 == 300 {
			broker.CloseConnections(t)
		}
	}
	for range n {
		require.NoError(t, <-results)
	}
	require.Eventually(t, func() bool {
		for i := range n {
			if !processed.has(fmt.Sprint(i)) {
				return false
			}
		}
		return true
	}, 60*time.Second, 50*time.Millisecond)
}

// A message that kills whoever receives it ends parked, by the broker's own
// delivery limit, and the log says so.
func TestAMessageThatNobodySurvivesIsParkedByTheBroker(t *testing.T) {
	broker := testenv.RabbitMQ(t)
	const limit = 3
	// The service alone dies of it. A publisher that did, too, would publish again
	// what got no answer, and the message would be there twice.
	w := wireTo(t, broker.URL)
	transport := open(t, w.url, func(c *amqpbus.Config) { c.DeliveryLimit = limit; c.MinBackoff = time.Millisecond })
	others := open(t, broker.URL)
	b := newBus(t, transport, "payment")
	var deliveries set
	b.HandleFunc(func(ctx context.Context, e event.Event) error {
		deliveries.add(e.ID)
		w.cut()
		<-ctx.Done()
		return context.Cause(ctx)
	}, "a")
	run(t, b)
	publish(t, newBus(t, others, "shop"), "a", "poison")

	parked := make(chan bus.LogRecord, 1)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	found := errors.New("found")
	require.ErrorIs(t, others.Tail(ctx, bus.First(), func(r bus.LogRecord) error {
		if r.Kind != bus.RecordDead {
			return nil
		}
		parked <- r
		return found
	}), found)
	r := <-parked
	require.Equal(t, "poison", r.Event.ID)
	require.Equal(t, "payment", r.Service)
	require.Contains(t, r.Error, "handed out too often")
	require.Eventually(t, func() bool { return broker.QueueLength(t, "payment.parked") == 1 }, 10*time.Second, 10*time.Millisecond,
		"the log may have it first")
	require.Equal(t, limit+1, deliveries.count("poison"))
}

func TestAnEventThatNoQueueAndNotEvenTheLogTakesIsUnroutable(t *testing.T) {
	broker := testenv.RabbitMQ(t)
	b := newBus(t, open(t, broker.URL), "payment")
	ch := channel(t, broker.URL)
	require.NoError(t, ch.QueueUnbind("events.log", "#", "events", nil))
	require.NoError(t, ch.ExchangeUnbind("events.route", "#", "events", false, nil))
	err := b.Publish(t.Context(), event.New("a", nil))
	require.ErrorIs(t, err, bus.ErrUnroutable)
	require.ErrorContains(t, err, `exchange "events", routing key "a"`)
}

func TestAFullQueueIsTriedAgainUntilTheDeadline(t *testing.T) {
	broker := testenv.RabbitMQ(t)
	b := newBus(t, open(t, broker.URL), "payment")
	ch := channel(t, broker.URL)
	_, err := ch.QueueDeclare("tiny", true, false, false, false, amqp.Table{"x-max-length": 1, "x-overflow": "reject-publish"})
	require.NoError(t, err)
	require.NoError(t, ch.QueueBind("tiny", "a", "events.route", false, nil))
	require.NoError(t, b.Publish(t.Context(), event.New("a", nil)))

	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, b.Publish(ctx, event.New("a", nil)), bus.ErrRejected)

	late := make(chan error, 1)
	b.PublishAsync(t.Context(), event.New("a", nil), func(err error) { late <- err })
	_, err = ch.QueuePurge("tiny", false)
	require.NoError(t, err)
	require.NoError(t, <-late)
}
