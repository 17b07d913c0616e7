package tracing

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/contrib/propagators/autoprop"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	tracenoop "go.opentelemetry.io/otel/trace/noop"
)

// Config says whose telemetry it is. Only Service is required. Where things go
// is said by the OTEL_* variables; see docs/reference/telemetry.md.
type Config struct {
	// Service, Version and Instance are service.name, service.version and
	// service.instance.id. Default for Instance: host name and process id.
	Service  string
	Version  string
	Instance string
	// Attributes are further attributes of the resource.
	Attributes []attribute.KeyValue

	// LogFormat is how log lines look. Default: LogText.
	LogFormat LogFormat
	// LogLevel is the least level that is logged. Default: slog.LevelInfo.
	LogLevel slog.Leveler
	// LogOutput takes the log lines. Default: os.Stderr.
	LogOutput io.Writer

	// Local leaves OpenTelemetry's global providers, propagator and error
	// handler alone, and leaves out the metrics of the process. It is for tests,
	// and for several services in one process.
	Local bool
	// SpanExporter takes the spans, instead of what the environment names. It
	// may be shared: shutting it down is its owner's business.
	SpanExporter sdktrace.SpanExporter
}

func (c *Config) setDefaults() {
	if c.LogLevel == nil {
		c.LogLevel = slog.LevelInfo
	}
	if c.LogOutput == nil {
		c.LogOutput = os.Stderr
	}
}

// Start sets up traces, metrics and logs, and makes them OpenTelemetry's global
// ones unless cfg is Local. Nothing is exported unless the environment asks
// for it. An error means that the configuration is wrong; that a collector does
// not answer is none.
func Start(ctx context.Context, cfg Config) (*Telemetry, error) {
	cfg.setDefaults()
	if cfg.Service == "" {
		return nil, errors.New("telemetry: Service is empty; give the service's name")
	}
	own, err := newLogHandler(cfg.LogFormat, cfg.LogOutput, cfg.LogLevel)
	if err != nil {
		return nil, fmt.Errorf("telemetry: %w", err)
	}
	t := &Telemetry{
		TracerProvider: tracenoop.NewTracerProvider(),
		MeterProvider:  metricnoop.NewMeterProvider(),
		Registry:       prometheus.NewRegistry(),
		// What concerns telemetry itself is never sent through it.
		errors: &errorLog{logger: slog.New(own)},
	}
	if !cfg.Local {
		otel.SetErrorHandler(t.errors)
		otel.SetLogger(logr.FromSlogHandler(own))
	}
	t.Propagator = autoprop.NewTextMapPropagator()
	t.Logger = slog.New(NewLogHandler(own))
	if err := t.start(ctx, cfg, own); err != nil {
		return nil, errors.Join(fmt.Errorf("telemetry: %w", err), t.Shutdown(ctx))
	}
	t.handler = newMetricsHandler(t.Registry, t.errors)
	if !cfg.Local {
		otel.SetTracerProvider(t.TracerProvider)
		otel.SetMeterProvider(t.MeterProvider)
		otel.SetTextMapPropagator(t.Propagator)
	}
	return t, nil
}

// start starts what exports. What it has started is stopped by Shutdown, also
// after an error.
func (t *Telemetry) start(ctx context.Context, cfg Config, own slog.Handler) error {
	if !cfg.Local {
		if err := registerProcess(t.Registry); err != nil {
			return err
		}
	}
	if sdkDisabled() {
		return nil
	}
	res, err := newResource(ctx, cfg)
	if err != nil {
		t.errors.report(signalSDK, err)
	}
	for _, start := range [...]func(context.Context, Config, *resource.Resource, slog.Handler) error{
		t.startTraces, t.startMetrics, t.startLogs,
	} {
		if err := start(ctx, cfg, res, own); err != nil {
			return err
		}
	}
	return nil
}
