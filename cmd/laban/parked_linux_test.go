package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/parked"
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
	const messages = 60
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

// TestParkedMessagesFromTheTerminal uses names with a prefix of their own.
func TestParkedMessagesFromTheTerminal(t *testing.T) {
	broker := testenv.RabbitMQ(t)
	payment, ids := parkMany(t, broker.URL, 3)
	path := filepath.Join(t.TempDir(), "observer.yaml")
	require.NoError(t, os.WriteFile(path, []byte("amqp: "+broker.URL+"\nprefix: shop\npayloads: {redact: [/order]}\n"), 0o600))
	at := func(args ...string) []string {
		return append(append([]string{"parked"}, args...), "--config", path, "--observer", nowhere)
	}
	ok := func(args ...string) string {
		t.Helper()
		status, out, errs := laban(t, at(args...)...)
		require.Zero(t, status, errs)
		return out
	}

	out := ok("list")
	require.Regexp(t, `(?m)^COUNT  WHERE    EVENT            FIRST +LAST +ERROR\n3      payment  stock.confirmed  .* the gateway of order 100\d is away$`, out)
	require.NotContains(t, out, "note:")
	var listed struct {
		Messages []parked.Message
		Groups   []struct {
			Count   int
			Example struct{ Payload string }
		}
	}
	require.NoError(t, json.Unmarshal([]byte(ok("list", "-o", "json")), &listed))
	require.Len(t, listed.Messages, 3)
	require.JSONEq(t, `{"order":"[redacted]"}`, listed.Groups[0].Example.Payload)

	out = ok("show", "1001")
	for _, want := range []string{
		"stock.confirmed parked at payment", ids[1], "order 1001", "the gateway of order 1001 is away", "No observer was asked",
		"laban-routing-key: stock.confirmed", `"order": "[redacted]"`,
	} {
		require.Contains(t, out, want)
	}
	require.NotContains(t, out, `"order": 1001`)

	for line, want := range map[string]string{
		"redrive --yes":                             "say which messages to redrive",
		"redrive --id 1001":                         "nobody can be asked here: give --yes",
		"redrive --id 1001 --yes --limit 0":         "--limit is 0",
		"redrive --id 1001 --yes --rate 0":          "--rate is 0",
		"discard --id 1001 --yes":                   `say why nothing is to come of them`,
		"list --kind lots":                          `--kind: "lots" is none of parked, lost and unrouted`,
		"list --since yesterday":                    `--since is "yesterday"`,
		"redrive --id 1001 --yes --kind parked now": `"now" is not expected`,
	} {
		status, out, errs := laban(t, at(strings.Fields(line)...)...)
		require.Equal(t, 2, status, line)
		require.Empty(t, out)
		require.Contains(t, errs, want)
	}

	status, out, errs := laban(t, at("redrive", "--id", "1001", "--yes")...)
	require.Equal(t, 1, status)
	require.Contains(t, out, "1 message is refused (--force sends it all the same)")
	require.Contains(t, errs, "no observer answers at "+nowhere)
	require.Contains(t, ok("redrive", "--id", "1001", "--force", "--dry-run"), "1 message to send, at most 10 in a second")
	require.Equal(t, 3, queued(t, broker.URL, "payment.parked"))

	require.Contains(t, ok("redrive", "--id", "1001", "--force", "--yes"), "sent 1 message\n")
	require.Eventually(t, func() bool { return payment.count() == 1 }, 10*time.Second, 10*time.Millisecond)
	require.Contains(t, ok("discard", "--id", ids[0], "--yes", "--reason", "a test order"), "discarded 1 message\n")
	require.Contains(t, ok("redrive", "--service", "payment", "--id", ids[0], "--id", ids[1], "--force", "--yes"), "no such message waits")
	require.Equal(t, 1, payment.count())
	require.Contains(t, ok("list"), "1 message. To see one: laban parked show "+ids[2])

	p, master := terminalOf(t, 100, 40, nil, at("redrive", "--service", "payment", "--force")...)
	p.eventually(t, "Send 1 message? [y/N]")
	require.Equal(t, 1, payment.count())
	_, err := master.WriteString("y\n")
	require.NoError(t, err)
	require.Zero(t, p.wait(t), "%s", &p.out)
	require.Contains(t, p.out.String(), "sent 1 message")
	require.Contains(t, ok("list"), "nothing waits for a person\n")
}
