package main

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"regexp"
	"strconv"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/testenv"
	"github.com/laban-io/laban/pkg/amqpbus"
	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
)

// nowhere is an address at which no observer answers.
const nowhere = "http://127.0.0.1:1"

// brokenService parks all it gets until it is mended, and counts from then on.
// It has no inbox: what comes twice is handled twice.
type brokenService struct {
	mu      sync.Mutex
	mended  bool
	parked  int
	handled map[string]int
	total   int
}

func (s *brokenService) handle(_ context.Context, e event.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.mended {
		s.parked++
		return bus.Permanent(fmt.Errorf("the gateway of order %s is away", e.Subject))
	}
	s.handled[e.ID]++
	s.total++
	return nil
}

func (s *brokenService) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.total
}

// openBus connects a service to a broker.
func openBus(t *testing.T, url, name string) *bus.Bus {
	t.Helper()
	opening, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	quiet := slog.New(slog.DiscardHandler)
	transport, err := amqpbus.Open(opening, amqpbus.Config{URLs: []string{url}, Name: name, Prefix: "shop", Logger: quiet})
	require.NoError(t, err)
	t.Cleanup(func() {
		closing, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		require.NoError(t, transport.Close(closing))
	})
	b, err := bus.New(bus.Config{Service: name, Logger: quiet}, transport)
	require.NoError(t, err)
	return b
}

// parkMany has a service park so many messages, and mends it.
func parkMany(t *testing.T, url string, n int) (*brokenService, []string) {
	t.Helper()
	s := &brokenService{handled: map[string]int{}}
	b := openBus(t, url, "payment")
	b.HandleFunc(s.handle, "stock.confirmed")
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-ended)
	})
	<-b.Consuming()
	publisher := openBus(t, url, "inventory")
	var ids []string
	for i := range n {
		flow, _ := publisher.StartFlow(t.Context(), "order", strconv.Itoa(1000+i))
		e := event.New("stock.confirmed", map[string]int{"order": 1000 + i})
		e.ID = event.NewID()
		ids = append(ids, e.ID)
		require.NoError(t, publisher.Publish(flow, e))
	}
	require.Eventually(t, func() bool { return queued(t, url, "payment.parked") == n }, 30*time.Second, 50*time.Millisecond)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mended = true
	return s, ids
}

// queued is how many messages wait in a queue.
func queued(t *testing.T, url, queue string) int {
	t.Helper()
	conn, err := amqp.Dial(url)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close()) }()
	ch, err := conn.Channel()
	require.NoError(t, err)
	q, err := ch.QueueDeclarePassive(queue, true, false, false, false, nil)
	require.NoError(t, err)
	return q.Messages
}

// TestARedriveThatIsKilledLosesNothingAndSendsNothingTwice kills it at moments
// of all sorts, while the log is written to, until all was sent.
func TestARedriveThatIsKilledLosesNothingAndSendsNothingTwice(t *testing.T) {
	broker := testenv.RabbitMQ(t)
	const messages = 80
	payment, ids := parkMany(t, broker.URL, messages)

	busy := openBus(t, broker.URL, "busy")
	ctx, stop := context.WithCancel(t.Context())
	loaded := make(chan error, 1)
	go func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			<-tick.C
			if err := busy.Publish(ctx, event.New("nobody.asks", nil)); err != nil && ctx.Err() == nil {
				loaded <- err
				return
			}
		}
		loaded <- nil
	}()

	args := []string{
		"parked", "redrive", "--amqp", broker.URL, "--prefix", "shop", "--observer", nowhere,
		"--service", "payment", "--limit", "1000", "--rate", "200", "--force", "--yes", "--reason", "the gateway is back",
	}
	kills, removed := 0, 0
	for payment.count() < messages && kills < 60 {
		before := payment.count()
		p := start(t, nil, args...)
		// Most are killed while they send, some before or after.
		if rand.IntN(5) > 0 {
			require.Eventually(t, func() bool { return payment.count() > before },
				40*time.Second, time.Millisecond, "%s", &p.out)
		}
		timer := time.AfterFunc(rand.N(100*time.Millisecond), func() { _ = p.cmd.Process.Kill() })
		p.wait(t)
		timer.Stop()
		kills++
	}
	require.Greater(t, kills, 3, "it was killed while it worked")
	p := start(t, nil, args...)
	require.Zero(t, p.wait(t), "%s", &p.out)
	if m := regexp.MustCompile(`removed (\d+) message`).FindStringSubmatch(p.out.String()); m != nil {
		removed, _ = strconv.Atoi(m[1])
	}
	stop()
	require.NoError(t, <-loaded)
	t.Logf("killed %d times; the last run removed %d", kills, removed)

	require.Eventually(t, func() bool { return payment.count() >= messages && queued(t, broker.URL, "payment") == 0 }, 20*time.Second, 10*time.Millisecond)
	require.Zero(t, queued(t, broker.URL, "payment.parked"))
	payment.mu.Lock()
	defer payment.mu.Unlock()
	for _, id := range ids {
		require.Equal(t, 1, payment.handled[id], "how often %s came", id)
	}
	require.Len(t, payment.handled, messages)
}
