package chassis

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/laban-io/laban/internal/database"
	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/tracing"
)

// Options are what [Run] takes from its caller, where [Main] takes it from the
// environment. Transport and DatabaseURL are required.
type Options struct {
	// Transport carries the service's messages. It stays the caller's, who
	// closes it after Run has returned.
	Transport bus.Transport
	// DatabaseURL is the service's own database: "sqlite:path",
	// "sqlite::memory:" or "postgres://…".
	DatabaseURL string
	// VolatileDatabase lets SQLite answer before the disk has what was
	// committed; see [database.Volatile]. For databases that nobody will miss.
	VolatileDatabase bool
	// Listener, where set, is where HTTP is served. Run closes it.
	Listener net.Listener
	// Version is the service's version, which travels with its events.
	Version string

	// Concurrency, RetryLevels and HandlerTimeout are as in [bus.Config].
	Concurrency    int
	RetryLevels    []time.Duration
	HandlerTimeout time.Duration
	// ShutdownDelay is how long the service goes on after ctx has ended, while
	// /readyz already answers 503. Default: 0.
	ShutdownDelay time.Duration
	// DrainTimeout is how long finishing what is under way may take. A quarter
	// of it is for HTTP requests, half for handlers, a quarter for the outbox
	// and its confirms. Default: 20 s.
	DrainTimeout time.Duration

	// Telemetry, where set, fills what is empty of the fields below. It stays the
	// caller's, who shuts it down after Run has returned.
	Telemetry *tracing.Telemetry
	// Hooks see every message; see [bus.Hook].
	Hooks []bus.Hook
	// Logger is the service's. Default: slog.Default().
	Logger *slog.Logger
	// Metrics takes the service's collectors, and Gatherer is what /metrics
	// shows. Default: a registry of the service's own for both.
	Metrics  prometheus.Registerer
	Gatherer prometheus.Gatherer
	// TracerProvider, MeterProvider and Propagator are for HTTP requests.
	// Default: the global ones of OpenTelemetry.
	TracerProvider trace.TracerProvider
	MeterProvider  metric.MeterProvider
	Propagator     propagation.TextMapPropagator
	// TraceSQL gives each SQL statement a span, where TracerProvider is set.
	TraceSQL bool

	// OnConsuming, where set, is called once, when the service receives events.
	// It must not block.
	OnConsuming func(Parts)

	// openTransport is how Main connects, once the process answers /healthz.
	// The process closes what it returns. It fails only where waiting can't
	// help; otherwise it returns a transport that goes on connecting.
	openTransport func(context.Context) (bus.Transport, error)
	// flushTelemetry ends the telemetry of a process that is all the service's:
	// the last but one step of stopping.
	flushTelemetry func(context.Context) error
	// openDatabase opens the database; tests put failures here.
	openDatabase databaseOpener
}

// setDefaults fills what is empty.
func (o *Options) setDefaults() {
	if o.DrainTimeout == 0 {
		o.DrainTimeout = 20 * time.Second
	}
	if o.Telemetry != nil {
		o.takeTelemetry(o.Telemetry)
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Metrics == nil {
		registry := prometheus.NewRegistry()
		o.Metrics = registry
		if o.Gatherer == nil {
			o.Gatherer = registry
		}
	}
	if o.Gatherer == nil {
		if g, ok := o.Metrics.(prometheus.Gatherer); ok {
			o.Gatherer = g
		} else {
			o.Gatherer = prometheus.NewRegistry()
		}
	}
	if o.openDatabase == nil {
		o.openDatabase = database.Open
	}
}

// takeTelemetry fills what is empty from t.
func (o *Options) takeTelemetry(t *tracing.Telemetry) {
	if o.Hooks == nil {
		o.Hooks = t.Hooks()
	}
	if o.Logger == nil {
		o.Logger = t.Logger
	}
	if o.Metrics == nil {
		o.Metrics = t.Registry
	}
	if o.TracerProvider == nil {
		o.TracerProvider = t.TracerProvider
	}
	if o.MeterProvider == nil {
		o.MeterProvider = t.MeterProvider
	}
	if o.Propagator == nil {
		o.Propagator = t.Propagator
	}
}

// validate tells what spec and o lack.
func (o *Options) validate(spec Spec) error {
	var errs []error
	if spec.Name == "" {
		errs = append(errs, errors.New("Spec.Name is empty"))
	}
	if spec.Build == nil {
		errs = append(errs, errors.New("Spec.Build is nil"))
	}
	if o.Transport == nil && o.openTransport == nil {
		errs = append(errs, errors.New("Options.Transport is nil"))
	}
	if o.DatabaseURL == "" {
		errs = append(errs, errors.New("Options.DatabaseURL is empty"))
	}
	if o.ShutdownDelay < 0 || o.DrainTimeout < 0 {
		errs = append(errs, errors.New("ShutdownDelay and DrainTimeout must not be negative"))
	}
	if len(errs) > 0 {
		return fmt.Errorf("chassis of service %q: %w", spec.Name, errors.Join(errs...))
	}
	return nil
}
