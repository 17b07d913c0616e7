package tracing

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"go.opentelemetry.io/contrib/exporters/autoexport"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// startTraces makes the tracer provider. It is a real one also where nothing is
// exported: the ids are needed in logs and in messages, whose other readers
// may export theirs.
func (t *Telemetry) startTraces(ctx context.Context, cfg Config, res *resource.Resource, _ slog.Handler) error {
	opts := []sdktrace.TracerProviderOption{
		sdktrace.WithResource(res),
		sdktrace.WithSpanProcessor(FlowProcessor()),
	}
	exporter, keep := cfg.SpanExporter, true
	if exporter == nil && tracesWanted() {
		var err error
		if exporter, err = autoexport.NewSpanExporter(ctx); err != nil {
			return fmt.Errorf("export traces: OTEL_TRACES_EXPORTER is %q (otlp, console or none), OTEL_EXPORTER_OTLP_PROTOCOL %q (http/protobuf or grpc): %w",
				os.Getenv("OTEL_TRACES_EXPORTER"), os.Getenv("OTEL_EXPORTER_OTLP_PROTOCOL"), err)
		}
		keep = false
	}
	if exporter != nil {
		counting := newCountingExporter(exporter, keep, &t.spans, func(err error) { t.errors.report(signalTraces, err) })
		opts = append(opts, sdktrace.WithSpanProcessor(newGate(counting, spanQueueSize())))
	}
	provider := sdktrace.NewTracerProvider(opts...)
	t.TracerProvider, t.byParent = provider, samplingByParent()
	t.stop(stage{"traces", provider.ForceFlush, provider.Shutdown})
	return nil
}
