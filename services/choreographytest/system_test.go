package choreographytest

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/chassis"
	"github.com/laban-io/laban/internal/testenv"
	"github.com/laban-io/laban/pkg/amqpbus"
	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/membus"
	"github.com/laban-io/laban/services/delivery"
	"github.com/laban-io/laban/services/delivery/carrier"
	"github.com/laban-io/laban/services/inventory"
	"github.com/laban-io/laban/services/notification"
	"github.com/laban-io/laban/services/notification/mailer"
	"github.com/laban-io/laban/services/order"
	"github.com/laban-io/laban/services/payment"
	"github.com/laban-io/laban/services/payment/provider"
)

// system is the five services and what is around them.
type system struct {
	inventory    *inventory.Inventory
	delivery     *delivery.Delivery
	notification *notification.Notification
	bank         *bank
	courier      *courier
	mails        *mailer.Recorder
	post         *post
	journal      *journal
	api          string
	client       *http.Client

	mu    sync.Mutex
	parts map[string]chassis.Parts // of running services
}

// infrastructure is what a system runs on.
type infrastructure struct {
	connect  func(t *testing.T, service string) bus.Transport
	database func(t *testing.T) string // the URL of an empty one
}

// inMemory is a broker in this process, and SQLite.
func inMemory(t *testing.T) (infrastructure, *membus.Broker) {
	broker := membus.New(membus.Config{})
	t.Cleanup(broker.Close)
	return infrastructure{
		connect:  func(*testing.T, string) bus.Transport { return broker.Connect() },
		database: func(t *testing.T) string { return "sqlite:" + t.TempDir() + "/service.db" },
	}, broker
}

// onServers is RabbitMQ and PostgreSQL.
func onServers(t *testing.T) infrastructure {
	broker := testenv.RabbitMQ(t)
	return infrastructure{
		connect: func(t *testing.T, service string) bus.Transport {
			transport, err := amqpbus.Open(t.Context(), amqpbus.Config{
				URLs: []string{broker.URL}, Name: service, Logger: slog.New(slog.DiscardHandler),
			})
			require.NoError(t, err)
			return transport
		},
		database: func(t *testing.T) string { return testenv.PostgreSQL(t) },
	}
}

// callTimeout is how long payment waits for the bank; a late answer costs a
// test this long.
const callTimeout = 300 * time.Millisecond

// start runs the system until the test ends.
func start(t *testing.T, on infrastructure) *system {
	t.Helper()
	s := &system{
		inventory: inventory.New(inventory.Settings{Stock: "mug=100000,lamp=100000,vase=2"}),
		bank:      &bank{Provider: provider.New(provider.Config{LateAnswers: 2})},
		courier:   &courier{Simulated: carrier.NewSimulated(carrier.Config{})},
		mails:     &mailer.Recorder{},
		post:      &post{},
		journal:   newJournal(),
		client:    &http.Client{Transport: &http.Transport{}},
		parts:     make(map[string]chassis.Parts),
	}
	t.Cleanup(s.client.CloseIdleConnections)
	s.delivery = delivery.New(delivery.Settings{CallTimeout: 10 * time.Second}, s.courier)
	s.notification = notification.New(notification.Settings{Timeout: 10 * time.Second}, s.mails)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s.api = "http://" + listener.Addr().String()

	var running []<-chan chassis.Parts
	running = append(running, s.run(t, on, order.Spec(), listener))
	for _, spec := range []chassis.Spec{
		s.inventory.Spec(),
		payment.New(payment.Settings{CallTimeout: callTimeout}, s.bank).Spec(),
		s.delivery.Spec(),
		s.notification.Spec(),
	} {
		running = append(running, s.run(t, on, spec, nil))
	}
	for _, consuming := range running {
		select {
		case <-consuming:
		case <-time.After(patience):
			require.Fail(t, "a service does not start")
		}
	}
	s.followLog(t, on)
	return s
}

// run runs one service until the test ends. The channel gets its parts when it
// receives events.
func (s *system) run(t *testing.T, on infrastructure, spec chassis.Spec, listener net.Listener) <-chan chassis.Parts {
	consuming := make(chan chassis.Parts, 1)
	transport := on.connect(t, spec.Name)
	opts := chassis.Options{
		Transport:        throughPost{transport, s.post},
		DatabaseURL:      on.database(t),
		VolatileDatabase: true,
		Listener:         listener,
		Version:          "test",
		RetryLevels:      []time.Duration{50 * time.Millisecond, 100 * time.Millisecond, 200 * time.Millisecond, 400 * time.Millisecond, 800 * time.Millisecond},
		DrainTimeout:     10 * time.Second,
		Logger:           slog.New(slog.DiscardHandler),
		OnConsuming: func(p chassis.Parts) {
			s.mu.Lock()
			s.parts[spec.Name] = p
			s.mu.Unlock()
			consuming <- p
		},
	}
	ctx, stop := context.WithCancel(context.Background())
	var ended sync.WaitGroup
	ended.Go(func() {
		if err := chassis.Run(ctx, spec, opts); err != nil {
			t.Errorf("service %s: %v", spec.Name, err)
		}
	})
	t.Cleanup(func() {
		stop()
		ended.Wait()
		closing, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := transport.Close(closing); err != nil {
			t.Errorf("close the transport of %s: %v", spec.Name, err)
		}
	})
	return consuming
}

// followLog keeps the journal until the test ends.
func (s *system) followLog(t *testing.T, on infrastructure) {
	transport := on.connect(t, "journal")
	ctx, stop := context.WithCancel(context.Background())
	var ended sync.WaitGroup
	ended.Go(func() {
		if err := s.journal.follow(ctx, transport); err != nil {
			t.Errorf("follow the log: %v", err)
		}
	})
	t.Cleanup(func() {
		stop()
		ended.Wait()
		closing, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := transport.Close(closing); err != nil {
			t.Errorf("close the journal's transport: %v", err)
		}
	})
}
