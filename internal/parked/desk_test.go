package parked_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/laban-io/laban/internal/observer/config"
	"github.com/laban-io/laban/internal/observer/record"
	"github.com/laban-io/laban/internal/observer/source"
	"github.com/laban-io/laban/internal/parked"
	"github.com/laban-io/laban/internal/testenv"
	"github.com/laban-io/laban/pkg/amqpbus"
	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/pkg/membus"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// place is a broker with a store of what waits there.
type place struct {
	store  parked.Store
	open   func() bus.Transport
	prefix string
	broker *testenv.Broker // nil in memory
	memory *membus.Broker  // nil on RabbitMQ
}

// everywhere runs a test on both brokers.
func everywhere(t *testing.T, f func(t *testing.T, p *place)) {
	t.Run("memory", func(t *testing.T) {
		b := membus.New(membus.Config{})
		t.Cleanup(b.Close)
		f(t, &place{store: parked.NewMemory(b), open: func() bus.Transport { return b.Connect() }, memory: b})
	})
	t.Run("rabbitmq", func(t *testing.T) { f(t, rabbitMQ(t, "shop")) })
}

// rabbitMQ is one whose names have a prefix of their own.
func rabbitMQ(t *testing.T, prefix string) *place {
	t.Helper()
	b := testenv.RabbitMQ(t)
	cfg := amqpbus.Config{URLs: []string{b.URL}, Prefix: prefix, Logger: quiet()}
	store, err := parked.NewAMQP(cfg, "")
	require.NoError(t, err)
	return &place{store: store, prefix: prefix, broker: b, open: func() bus.Transport {
		transport, err := amqpbus.Open(t.Context(), cfg)
		require.NoError(t, err)
		t.Cleanup(func() {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			_ = transport.Close(ctx)
		})
		return transport
	}}
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// service is a service that fails until it is mended.
type service struct {
	name string
	stop func() // and wait

	mu      sync.Mutex
	mended  bool
	handled []handled
}

type handled struct {
	event.Event
	attempt int
	headers map[string]string
}

// start starts a service that asks for some types, and returns when it receives.
func (p *place) start(t *testing.T, name string, types ...string) *service {
	t.Helper()
	s := &service{name: name}
	b, err := bus.New(bus.Config{Service: name, Logger: quiet(), RetryLevels: []time.Duration{}, MaxAttempts: 1, Concurrency: 1}, p.open())
	require.NoError(t, err)
	b.HandleFunc(s.handle, types...)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	s.stop = sync.OnceFunc(func() {
		stop()
		require.NoError(t, <-ended)
	})
	t.Cleanup(s.stop)
	<-b.Consuming()
	return s
}

func (s *service) handle(ctx context.Context, e event.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.mended {
		return bus.Permanent(fmt.Errorf("%s can't process order 4711", s.name))
	}
	d := bus.DeliveryFrom(ctx)
	if d == nil {
		return errors.New("there is no delivery")
	}
	s.handled = append(s.handled, handled{e, d.Attempt, d.Headers})
	return nil
}

func (s *service) mend() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mended = true
}

func (s *service) did() []handled {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]handled(nil), s.handled...)
}

// publish publishes events of one type, with numbers as their data.
func (p *place) publish(t *testing.T, kind string, n int) {
	t.Helper()
	b, err := bus.New(bus.Config{Service: "order", Logger: quiet()}, p.open())
	require.NoError(t, err)
	for i := range n {
		ctx, _ := b.StartFlow(t.Context(), "order", fmt.Sprint(1000+i))
		require.NoError(t, b.Publish(ctx, event.New(kind, map[string]int{"number": i})))
	}
}

// observe begins to keep copies of lost messages, as an observer does.
func (p *place) observe(t *testing.T) {
	t.Helper()
	if p.broker == nil {
		return
	}
	cfg := config.Default()
	cfg.AMQP, cfg.Prefix, cfg.Log = []string{p.broker.URL}, p.prefix, p.prefix+".log"
	log, err := source.Open(cfg, quiet())
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	ended, seen := make(chan error, 1), make(chan struct{}, 10)
	go func() {
		ended <- log.Strays(ctx, nil, func(context.Context, record.Stray) error { return nil }, func(source string, available bool, _ string) {
			if source == "lost" && available {
				seen <- struct{}{}
			}
		})
	}()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-ended)
	})
	<-seen
}

// loseParked lets what a service parks be lost from now on.
func (p *place) loseParked(t *testing.T, service string) {
	t.Helper()
	if p.broker == nil {
		p.memory.DeleteParkedQueue(service)
		return
	}
	p.broker.DeleteQueue(t, service+".parked")
}

// channel is one of a connection that ends with the test.
func (p *place) channel(t *testing.T) *amqp.Channel {
	t.Helper()
	conn, err := amqp.Dial(p.broker.URL)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	ch, err := conn.Channel()
	require.NoError(t, err)
	return ch
}

// publishRaw publishes what a program without this library sends.
func (p *place) publishRaw(t *testing.T, key, body string) {
	t.Helper()
	if p.broker == nil {
		require.NoError(t, p.memory.Connect().SendRaw(t.Context(), event.Binary{RoutingKey: key, Body: []byte(body)}))
		return
	}
	require.NoError(t, p.channel(t).PublishWithContext(t.Context(), p.prefix, key, false, false, amqp.Publishing{Body: []byte(body)}))
}

func (p *place) desk(t *testing.T) *parked.Desk {
	t.Helper()
	d, err := parked.New(parked.Config{Store: p.store})
	require.NoError(t, err)
	return d
}

// list returns what waits, once it is as many messages.
func list(t *testing.T, d *parked.Desk, f parked.Filter, n int) *parked.Listing {
	t.Helper()
	var l *parked.Listing
	require.Eventually(t, func() bool {
		var err error
		l, err = d.List(t.Context(), f, nil)
		require.NoError(t, err)
		return len(l.Messages) == n
	}, 30*time.Second, 20*time.Millisecond)
	return l
}

func TestWhatIsParkedIsListedByWhatWentWrong(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		p.start(t, "payment", "stock.confirmed")
		p.start(t, "delivery", "stock.confirmed", "payment.confirmed")
		p.publish(t, "stock.confirmed", 3)
		p.publish(t, "payment.confirmed", 1)
		d := p.desk(t)
		for range 2 { // looking changes nothing
			l := list(t, d, parked.Filter{}, 7)
			require.Len(t, l.Groups, 3)
			require.Empty(t, l.Notes)
			for _, g := range l.Groups[:2] {
				require.Equal(t, 3, g.Count)
				require.Equal(t, "stock.confirmed", g.Type)
				require.Equal(t, g.Service+" can't process order ####", g.Error)
				require.Equal(t, g.Service+" can't process order 4711", g.Example.Error)
				require.JSONEq(t, `{"number":2}`, string(g.Example.Data))
				require.Equal(t, 1, g.Example.Attempt)
				require.False(t, g.First.IsZero())
			}
			whole, err := d.Read(t.Context(), parked.Parked, l.Messages[0].Place)
			require.NoError(t, err)
			require.Equal(t, l.Messages[0].Ref(), whole.Ref())
			require.JSONEq(t, `{"number":0}`, string(whole.Data))
		}
	})
}
