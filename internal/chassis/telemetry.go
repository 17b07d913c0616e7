package chassis

import (
	"context"
	"io"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/laban-io/laban/pkg/bus"
)

// telemetry is what a process's traces, metrics and logs go through.
type telemetry struct {
	logger         *slog.Logger
	registry       *prometheus.Registry
	hooks          []bus.Hook
	tracerProvider trace.TracerProvider
	meterProvider  metric.MeterProvider
	propagator     propagation.TextMapPropagator
	shutdown       func(context.Context) error
}

// setUpTelemetry makes a process's telemetry.
func setUpTelemetry(_ context.Context, _ Spec, cfg config, stderr io.Writer) (telemetry, error) {
	opts := &slog.HandlerOptions{Level: cfg.LogLevel.Level}
	var handler slog.Handler = slog.NewTextHandler(stderr, opts)
	if cfg.LogFormat == logJSON {
		handler = slog.NewJSONHandler(stderr, opts)
	}
	return telemetry{
		logger:   slog.New(handler),
		registry: prometheus.NewRegistry(),
		shutdown: func(context.Context) error { return nil },
	}, nil
}
