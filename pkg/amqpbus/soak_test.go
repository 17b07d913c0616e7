//go:build soak

package amqpbus_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/testenv"
	"github.com/laban-io/laban/pkg/amqpbus"
	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
)

// TestSoakConfirmedMessagesReachEveryQueue publishes in bursts, as services do,
// to a key that three services are bound to, while the node is killed or
// connections are cut again and again. What was confirmed must be handled by
// every service. Nothing but the transport is between the two.
//
//	LABAN_SOAK_TIME    how long (default 10m)
//	LABAN_SOAK_FAULTS  killed, cut or both (default)
//	LABAN_SOAK_LOAD    how many processes keep the processors busy beside it (default 0)
func TestSoakConfirmedMessagesReachEveryQueue(t *testing.T) {
	length, err := time.ParseDuration(setting("LABAN_SOAK_TIME", "10m"))
	require.NoError(t, err, "LABAN_SOAK_TIME")
	load, err := strconv.Atoi(setting("LABAN_SOAK_LOAD", "0"))
	require.NoError(t, err, "LABAN_SOAK_LOAD")
	faults := setting("LABAN_SOAK_FAULTS", "both")
	require.Contains(t, []string{"killed", "cut", "both"}, faults, "LABAN_SOAK_FAULTS")

	broker := testenv.PrivateRabbitMQ(t)
	services := []string{"first", "second", "third"}
	handled := make(map[string]*set)
	for _, service := range services {
		handled[service] = subscribe(t, broker, service)
	}
	const publishers = 12
	sources := make([]*source, publishers)
	ctx, stop := context.WithCancel(t.Context())
	var publishing sync.WaitGroup
	for i := range sources {
		s := &source{name: fmt.Sprintf("p%02d", i)}
		s.transport = open(t, broker.URL, func(c *amqpbus.Config) { c.Logger = slog.New(s); c.PublishTimeout = 2 * time.Minute })
		sources[i] = s
		publishing.Go(func() { s.publish(ctx) })
	}
	keepBusy(t, load)

	counts := make(map[string]int)
	var times []string
	for end := time.Now().Add(length); time.Now().Before(end); {
		pause(t, time.Duration(2+rand.IntN(6))*time.Second)
		fault := faults
		if fault == "both" {
			fault = []string{"killed", "killed", "cut"}[rand.IntN(3)]
		}
		times = append(times, time.Now().Format("15:04:05.000 ")+fault)
		switch fault {
		case "killed":
			broker.Kill(t)
			broker.Start(t)
		case "cut":
			broker.Control(t, "close_all_connections", "--vhost", broker.VHost, "soak") // the management API fails when a connection goes meanwhile
		}
		counts[fault]++
	}
	stop()
	publishing.Wait()
	var confirmed []*sending
	sessions, unconfirmed, numbers := 0, make(map[string]int), make(map[string]*sending)
	for _, s := range sources {
		s.answers.Wait()
		sessions += len(s.began)
		for _, m := range s.sent {
			if numbers[m.id] = m; m.err == nil {
				confirmed = append(confirmed, m)
			} else {
				unconfirmed[m.err.Error()]++
			}
		}
	}
	t.Logf("faults %v; %d sessions of publishers; %d messages confirmed; not confirmed, by why: %v", counts, sessions, len(confirmed), unconfirmed)
	missing := func(service string) (ids []string) {
		for _, m := range confirmed {
			if !handled[service].has(m.id) {
				ids = append(ids, m.id)
			}
		}
		return ids
	}
	for _, service := range services {
		// Not Eventually: what is missing is to be told, not only that it is. What
		// was prefetched is not in the queue's length, so an empty queue must stay so.
		for quiet, end := 0, time.Now().Add(10*time.Minute); len(missing(service)) > 0 && quiet < 15 && time.Now().Before(end); quiet++ {
			if pause(t, time.Second); broker.QueueLength(t, service) > 0 {
				quiet = 0
			}
		}
	}
	log := logged(t, broker)
	for _, service := range services {
		for _, id := range missing(service) {
			m := numbers[id]
			t.Errorf("%s never had %s: number %d of its session, %v after that began; sent %s, confirmed %s; in the log: %t; in other services: %v",
				service, id, m.inSession, m.at.Sub(m.session), m.at.Format("15:04:05.000"), m.answered.Format("15:04:05.000"), log[id],
				slices.DeleteFunc(slices.Clone(services), func(s string) bool { return !handled[s].has(id) }))
		}
		t.Logf("%s: %d in its queue, %d parked", service, broker.QueueLength(t, service), broker.QueueLength(t, amqpbus.ParkedQueue(service)))
	}
	if t.Failed() {
		t.Log(times)
	}
	require.Equal(t, len(confirmed), countOf(confirmed, log), "confirmed messages that are in the log")
}

func setting(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}

// subscribe lets a service note and acknowledge everything at once.
func subscribe(t *testing.T, broker *testenv.Broker, service string) *set {
	t.Helper()
	var all set
	transport := open(t, broker.URL, func(c *amqpbus.Config) { c.Logger = slog.New(slog.DiscardHandler) })
	begun := make(chan struct{}, 1)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- transport.Consume(ctx, bus.Subscription{
			Queue: service, Keys: []string{"soaked"}, Concurrency: 16, DrainTimeout: time.Second,
			Receive: func(ctx context.Context, d *bus.Delivery) {
				all.add(d.Event.ID)
				_ = d.Settler.Settle(ctx, d, bus.Verdict{Action: bus.Ack}) // its session may be over
			},
			OnSession: func() {
				select {
				case begun <- struct{}{}:
				default:
				}
			},
		})
	}()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	<-begun
	return &all
}

// source publishes and keeps account. It is the handler of its transport's log,
// too, by which it knows when its sessions began.
type source struct {
	name      string
	transport *amqpbus.Transport
	sent      []*sending
	answers   sync.WaitGroup

	mu        sync.Mutex
	began     []time.Time
	inSession int
}

type sending struct {
	id        string
	at        time.Time
	session   time.Time // when its session began
	inSession int       // its number in it, unless it was sent again
	answered  time.Time
	err       error
}

func (s *source) publish(ctx context.Context) {
	for ctx.Err() == nil {
		for range 1 + rand.IntN(12) {
			s.send()
		}
		select {
		case <-time.After(time.Duration(rand.IntN(500)) * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

func (s *source) send() {
	m := &sending{id: fmt.Sprintf("%s-%d", s.name, len(s.sent)), at: time.Now()}
	s.sent = append(s.sent, m)
	s.mu.Lock()
	s.inSession++
	m.inSession = s.inSession
	if len(s.began) > 0 {
		m.session = s.began[len(s.began)-1]
	}
	s.mu.Unlock()
	e := event.New("soaked", nil)
	e.ID, e.Source, e.Time = m.id, s.name, m.at
	s.answers.Add(1)
	var told atomic.Bool
	s.transport.Send(context.Background(), &bus.Message{Event: e, RoutingKey: "soaked"}, func(err error) {
		if !told.CompareAndSwap(false, true) {
			panic("told twice of " + m.id)
		}
		m.answered, m.err = time.Now(), err
		s.answers.Done()
	})
}

func (s *source) Enabled(context.Context, slog.Level) bool { return true }
func (s *source) WithAttrs([]slog.Attr) slog.Handler       { return s }
func (s *source) WithGroup(string) slog.Handler            { return s }
func (s *source) Handle(_ context.Context, r slog.Record) error {
	if r.Message == "a session with the broker works" {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.began, s.inSession = append(s.began, r.Time), 0
	}
	return nil
}

// logged returns the ids that are in the log.
func logged(t *testing.T, broker *testenv.Broker) map[string]bool {
	t.Helper()
	ids := make(map[string]bool)
	require.NoError(t, amqpbus.ReadLog(t.Context(), amqpbus.Config{URLs: []string{broker.URL}}, func(r bus.LogRecord, _ uint64) error {
		ids[r.Event.ID] = true
		return nil
	}))
	return ids
}

func countOf(all []*sending, ids map[string]bool) (n int) {
	for _, m := range all {
		if ids[m.id] {
			n++
		}
	}
	return n
}

// keepBusy starts processes that do nothing but take processor time.
func keepBusy(t *testing.T, processes int) {
	t.Helper()
	for range processes {
		cmd := exec.CommandContext(t.Context(), "nice", "sh", "-c", "while :; do :; done")
		require.NoError(t, cmd.Start())
		t.Cleanup(func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		})
	}
}

func pause(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-t.Context().Done():
	}
}
