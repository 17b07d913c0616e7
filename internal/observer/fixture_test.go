package observer_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/ledger"
	"github.com/laban-io/laban/internal/observer"
	"github.com/laban-io/laban/internal/observer/config"
	"github.com/laban-io/laban/internal/observer/marker"
	"github.com/laban-io/laban/internal/observer/source"
	"github.com/laban-io/laban/internal/testenv"
	"github.com/laban-io/laban/pkg/amqpbus"
	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/choreography"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/pkg/flow"
)

// patience is how long a test waits for what must happen.
const patience = 30 * time.Second

const shop = `
choreography: shop
starts: [order.placed]
outcomes: {completed: [order.shipped], failed: [payment.rejected]}
reactions:
  - {service: web, emits: [order.placed]}
  - {service: payment, on: [order.placed], emits: [payment.confirmed, payment.rejected], within: 1s}
  - {service: delivery, on: [payment.confirmed], emits: [order.shipped], within: 1s}
`

func contract(t testing.TB, text string) *choreography.Choreography {
	t.Helper()
	c, err := choreography.Parse("shop.yaml", []byte(text))
	require.NoError(t, err)
	return c
}

// logger writes into the test's log.
func logger(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelInfo}))
}

// watching is an observer that runs.
type watching struct {
	*observer.Observer
	ledger *ledger.Ledger
	stop   func()
}

// options changes how an observer is made.
type options struct {
	management bool
	taps       []config.Tap
	queues     map[string]string
	ledger     string
	contract   string
	noContract bool
}

func brokerConfig(b *testenv.Broker, o options) *config.Config {
	c := config.Default()
	c.AMQP, c.Taps = []string{b.URL}, o.taps
	if o.management {
		c.Management = b.ManagementURL
	}
	return c
}

func openLedger(t testing.TB, url string) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(t.Context(), url, ledger.Config{})
	require.NoError(t, err)
	return l
}

func observerConfig(t testing.TB, b *testenv.Broker, l *ledger.Ledger, o options) observer.Config {
	t.Helper()
	cfg := brokerConfig(b, o)
	require.NoError(t, cfg.Validate())
	log, err := source.Open(cfg, logger(t))
	require.NoError(t, err)
	text := o.contract
	if text == "" {
		text = shop
	}
	contracts := []*choreography.Choreography{contract(t, text)}
	if o.noContract {
		contracts = nil
	}
	return observer.Config{
		Log: log, Ledger: l, Contracts: contracts, Mapping: cfg.Mapping(),
		Queues: o.queues, Marker: marker.From, Logger: logger(t), Tracker: flow.Config{Tombstones: 3 * time.Second},
	}
}

// watch runs an observer until the test ends or stop is called.
func watch(t *testing.T, b *testenv.Broker, o options) *watching {
	t.Helper()
	if o.ledger == "" {
		o.ledger = "sqlite:" + filepath.Join(t.TempDir(), "ledger.db")
	}
	l := openLedger(t, o.ledger)
	obs, err := observer.New(observerConfig(t, b, l, o))
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- obs.Run(ctx) }()
	w := &watching{Observer: obs, ledger: l}
	stopped := false
	w.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		require.NoError(t, <-done)
		require.NoError(t, l.Close())
	}
	t.Cleanup(w.stop)
	return w
}

// sees waits until the observer sees.
func (w *watching) sees(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool {
		s := w.Status()
		return s.Role == observer.Active && s.Blind == observer.NotBlind && s.Log.ID != ""
	}, patience, 20*time.Millisecond)
}

func (w *watching) flowOf(t *testing.T, key string) (ledger.Flow, bool) {
	t.Helper()
	flows, _, err := w.ledger.Flows(t.Context(), ledger.Filter{Key: key})
	require.NoError(t, err)
	if len(flows) == 0 {
		return ledger.Flow{}, false
	}
	return flows[0], true
}

// becomes waits for a flow's status.
func (w *watching) becomes(t *testing.T, key string, want flow.Status) ledger.Flow {
	t.Helper()
	var f ledger.Flow
	require.Eventually(t, func() bool {
		var ok bool
		f, ok = w.flowOf(t, key)
		return ok && f.Status == want
	}, patience, 20*time.Millisecond, "flow %s should become %s", key, want)
	return f
}

// comes waits for a flow's status where asking may fail for a while.
func (w *watching) comes(t *testing.T, key string, want flow.Status) {
	t.Helper()
	require.Eventually(t, func() bool {
		flows, _, err := w.ledger.Flows(t.Context(), ledger.Filter{Key: key})
		return err == nil && len(flows) == 1 && flows[0].Status == want
	}, patience, 20*time.Millisecond, "flow %s should become %s", key, want)
}

// cause waits for the cause of a stall.
func (w *watching) cause(t *testing.T, key string, want flow.Cause) {
	t.Helper()
	require.Eventually(t, func() bool {
		f, ok := w.flowOf(t, key)
		return ok && len(f.Waiting) > 0 && f.Waiting[0].Finding.Cause == want
	}, patience, 50*time.Millisecond, "flow %s should be stalled by %s", key, want)
}

func dump(t *testing.T, l *ledger.Ledger) string {
	t.Helper()
	var text strings.Builder
	require.NoError(t, l.Dump(t.Context(), &text, ledger.DumpConfig{}))
	return text.String()
}

// service runs a service until the test ends or stop is called.
func service(t *testing.T, b *testenv.Broker, name string, emits []string, handlers map[string]reaction) (*bus.Bus, func()) {
	t.Helper()
	return serve(t, b, bus.Config{
		Service: name, Emits: emits, RetryLevels: []time.Duration{100 * time.Millisecond}, MaxAttempts: 2,
	}, handlers)
}

// serve runs the service that cfg describes until the test ends or stop is
// called.
func serve(t *testing.T, b *testenv.Broker, cfg bus.Config, handlers map[string]reaction) (*bus.Bus, func()) {
	t.Helper()
	transport, err := amqpbus.Open(t.Context(), amqpbus.Config{URLs: []string{b.URL}, Logger: logger(t)})
	require.NoError(t, err)
	cfg.Version, cfg.Logger = "1", logger(t)
	s, err := bus.New(cfg, transport)
	require.NoError(t, err)
	for typ, h := range handlers {
		s.HandleFunc(func(ctx context.Context, e event.Event) error { return h(ctx, s, e) }, typ)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	stopped := false
	stop := func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		require.NoError(t, <-done)
		require.NoError(t, transport.Close(context.Background()))
	}
	t.Cleanup(stop)
	return s, stop
}

// place starts a flow.
func place(t *testing.T, web *bus.Bus, key string) {
	t.Helper()
	ctx, _ := web.StartFlow(t.Context(), "shop", key)
	require.NoError(t, web.Publish(ctx, event.New("order.placed", map[string]string{"id": key}).WithSubject(key)))
}

// reaction is what a service does about an event.
type reaction func(ctx context.Context, s *bus.Bus, e event.Event) error

// answers emits an event.
func answers(typ string) reaction {
	return func(ctx context.Context, s *bus.Bus, e event.Event) error {
		return s.Publish(ctx, event.New(typ, map[string]string{"id": e.Subject}))
	}
}
