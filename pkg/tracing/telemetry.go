package tracing

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/laban-io/laban/pkg/bus"
)

// Telemetry is what [Start] has set up. Its fields are for reading only. It is
// safe for concurrent use.
type Telemetry struct {
	// TracerProvider, MeterProvider and Propagator are for instrumentations
	// such as otelhttp and otelsql.
	TracerProvider trace.TracerProvider
	MeterProvider  metric.MeterProvider
	Propagator     propagation.TextMapPropagator
	// Registry has OpenTelemetry's metrics, and takes collectors of
	// client_golang beside them.
	Registry *prometheus.Registry
	// Logger's lines say which trace, span and flow they are about.
	Logger *slog.Logger

	byParent bool // see WithSamplingByParent

	errors  *errorLog
	spans   spanCounts
	handler http.Handler

	stages []stage // in the order in which they are stopped
	once   sync.Once
	err    error // of stopping
}

// stage is one of the things to be stopped.
type stage struct {
	name     string
	flush    func(context.Context) error
	shutdown func(context.Context) error
}

func (t *Telemetry) stop(s stage) { t.stages = append(t.stages, s) }

// Hooks returns the hooks for [bus.Config].
func (t *Telemetry) Hooks(opts ...Option) []bus.Hook {
	own := []Option{WithTracerProvider(t.TracerProvider), WithMeterProvider(t.MeterProvider), WithPropagator(t.Propagator)}
	if t.byParent {
		own = append(own, WithSamplingByParent())
	}
	return []bus.Hook{NewHooks(append(own, opts...)...)}
}

// Handler serves the metrics of the registry to Prometheus, with exemplars
// where it asks for OpenMetrics.
func (t *Telemetry) Handler() http.Handler { return t.handler }

// Flush exports what has not been exported yet.
func (t *Telemetry) Flush(ctx context.Context) error {
	var errs []error
	for _, s := range t.stages {
		if err := s.flush(ctx); err != nil {
			errs = append(errs, fmt.Errorf("flush %s: %w", s.name, err))
		}
	}
	return errors.Join(errs...)
}

// shutdownTimeout bounds a shutdown whose context has no deadline.
const shutdownTimeout = 10 * time.Second

// Shutdown exports what has not been exported yet and stops: first traces, then
// metrics, which still count what became of the spans, then logs. It returns
// when ctx ends, or after 10 s where ctx has no deadline, also if a collector
// does not answer; no stage takes more than half of the time that is left.
//
// Call it when the service has stopped consuming and publishing. A second call
// returns what the first one did.
func (t *Telemetry) Shutdown(ctx context.Context) error {
	t.once.Do(func() { t.err = t.shutdown(ctx) })
	return t.err
}

func (t *Telemetry) shutdown(ctx context.Context) error {
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(shutdownTimeout)
	}
	var errs []error
	for i, s := range t.stages {
		left := time.Until(deadline)
		if i < len(t.stages)-1 {
			left /= 2
		}
		stageCtx, cancel := context.WithTimeout(ctx, left)
		if err := s.shutdown(stageCtx); err != nil {
			errs = append(errs, fmt.Errorf("shut down %s: %w; what was left of them is lost", s.name, err))
		}
		cancel()
	}
	return errors.Join(errs...)
}
