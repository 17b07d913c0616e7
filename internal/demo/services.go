package demo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/laban-io/laban/internal/chassis"
	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/tracing"
	"github.com/laban-io/laban/services/delivery"
	"github.com/laban-io/laban/services/delivery/carrier"
	"github.com/laban-io/laban/services/inventory"
	"github.com/laban-io/laban/services/notification"
	orderservice "github.com/laban-io/laban/services/order"
	"github.com/laban-io/laban/services/payment"
	"github.com/laban-io/laban/services/payment/gateway"
	"github.com/laban-io/laban/services/payment/provider"
)

// services are the five of the order system, in this process, and the outside
// world that they deal with.
type services struct {
	inventory *inventory.Inventory
	provider  *provider.Provider
	carrier   *carrier.Simulated
	mailbox   *mailbox

	specs      []chassis.Spec
	transports []bus.Transport
	telemetry  []*tracing.Telemetry
	cancel     context.CancelFunc
	running    sync.WaitGroup
	failed     chan error // holds the error of the first service that ended
}

// concurrency is how many events each service handles at a time: enough for
// the provider's and the carrier's latency not to be what limits the demo.
const concurrency = 32

// The services of a demo have a moment to drain.
const drainTimeout = 5 * time.Second

// newServices describes the services. Nothing runs yet.
func newServices(cfg *Config, c customers) *services {
	think := *cfg.Think
	s := &services{
		inventory: inventory.New(inventory.Settings{Stock: initialStock()}),
		provider:  provider.New(provider.Config{Latency: think, Remember: maxOrders}),
		carrier:   carrier.NewSimulated(carrier.Config{Latency: think, Remember: maxOrders}),
		mailbox:   newMailbox(c),
		failed:    make(chan error, 1),
	}
	var gw gateway.Gateway = s.provider
	if cfg.wrapGateway != nil {
		gw = cfg.wrapGateway(gw)
	}
	s.specs = []chassis.Spec{
		orderservice.Spec(),
		s.inventory.Spec(),
		payment.New(payment.Settings{CallTimeout: callTimeout(think)}, gw).Spec(),
		delivery.New(delivery.Settings{CallTimeout: 5*time.Second + 2*think}, s.carrier).Spec(),
		notification.New(notification.Settings{Timeout: 5 * time.Second}, s.mailbox).Spec(),
	}
	return s
}

// callTimeout is how long payment waits for the provider: well above its usual
// latency, and short enough for people to see a late answer be retried.
func callTimeout(think time.Duration) time.Duration { return 300*time.Millisecond + 3*think }

// names returns the services' names.
func (s *services) names() []string {
	var names []string
	for _, spec := range s.specs {
		names = append(names, spec.Name)
	}
	return names
}

// start starts every service and returns when all of them receive events.
// Whether it fails or not, stop has to be called.
func (s *services) start(ctx context.Context, cfg *Config, b broker, dir string, out *logs, listener net.Listener) error {
	runCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.cancel = cancel
	consuming := make(chan struct{}, len(s.specs))
	var starting []func() // all that can fail at once comes first
	for _, spec := range s.specs {
		t, err := tracing.Start(ctx, tracing.Config{
			Service: spec.Name, Version: cfg.Version, LogOutput: out, LogLevel: slog.LevelInfo, Local: true,
		})
		if err != nil {
			return errors.Join(err, closeUnused(listener))
		}
		s.telemetry = append(s.telemetry, t)
		log := t.Logger.With("service", spec.Name)
		transport, err := b.open(ctx, spec.Name, log)
		if err != nil {
			return errors.Join(err, closeUnused(listener))
		}
		s.transports = append(s.transports, transport)
		if cfg.wrapTransport != nil {
			transport = cfg.wrapTransport(spec.Name, transport)
		}
		// The service's collectors ask its database; telemetry's own registry is
		// also read when that is closed.
		own := prometheus.NewRegistry()
		opts := chassis.Options{
			Transport:   transport,
			DatabaseURL: "sqlite:" + filepath.Join(dir, spec.Name+".db"),
			// Also where they are kept: a crash of the machine ends the demo anyway.
			VolatileDatabase: true,
			Version:          cfg.Version,
			Concurrency:      concurrency,
			DrainTimeout:     drainTimeout,
			Hooks:            t.Hooks(),
			Logger:           log,
			Metrics:          own,
			Gatherer:         prometheus.Gatherers{t.Registry, own},
			TracerProvider:   t.TracerProvider,
			MeterProvider:    t.MeterProvider,
			Propagator:       t.Propagator,
			OnConsuming:      func(chassis.Parts) { consuming <- struct{}{} },
		}
		if spec.Name == orderservice.Name {
			opts.Listener = listener
		}
		starting = append(starting, func() { s.run(runCtx, spec, opts) })
	}
	for _, f := range starting {
		s.running.Go(f)
	}
	for range s.specs {
		select {
		case <-consuming:
		case err := <-s.failed:
			s.failed <- err
			return err
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// run runs one service, and reports if it ends by itself.
func (s *services) run(ctx context.Context, spec chassis.Spec, opts chassis.Options) {
	err := chassis.Run(ctx, spec, opts)
	if err == nil && ctx.Err() == nil {
		err = errors.New("it ended by itself")
	}
	if err == nil {
		return
	}
	select {
	case s.failed <- fmt.Errorf("service %s: %w", spec.Name, err):
	default: // the first one tells enough
	}
}

// stop lets the services finish what they have in hand and publish what they
// have stored. It returns when they have ended, or when ctx ends.
func (s *services) stop(ctx context.Context) error {
	if s.cancel == nil {
		return nil
	}
	s.cancel()
	ended := make(chan struct{})
	go func() {
		s.running.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-ctx.Done():
		return fmt.Errorf("the services did not end in time: %w", context.Cause(ctx))
	}
	var errs []error
	for _, t := range s.transports {
		errs = append(errs, t.Close(ctx))
	}
	return errors.Join(errs...)
}

// flush exports the last spans and stops telemetry. It returns how many spans
// could not be exported.
func (s *services) flush(ctx context.Context) (dropped int) {
	var lost atomic.Int64
	var all sync.WaitGroup
	for _, t := range s.telemetry {
		all.Go(func() {
			_ = t.Flush(ctx) // what it could not export is counted
			lost.Add(int64(spansDropped(t)))
			_ = t.Shutdown(ctx)
		})
	}
	all.Wait()
	return int(lost.Load())
}

// closeUnused closes a listener that no service has taken over.
func closeUnused(l net.Listener) error { return l.Close() }

// spansDropped reads how many spans were sampled and not exported.
func spansDropped(t *tracing.Telemetry) int {
	families, err := t.Registry.Gather()
	if err != nil {
		return 0
	}
	n := 0.0
	for _, f := range families {
		if f.GetName() != "laban_telemetry_spans_dropped_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			n += m.GetCounter().GetValue()
		}
	}
	return int(n)
}
