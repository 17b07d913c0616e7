package tracing_test

import (
	"context"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/pkg/tracing"
)

// recording is hooks whose spans and metrics can be read.
type recording struct {
	t        *testing.T
	hooks    *tracing.Hooks
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
	spans    *tracetest.InMemoryExporter
	reader   *sdkmetric.ManualReader
}

func record(t *testing.T, opts ...tracing.Option) *recording {
	t.Helper()
	return recordWith(t, nil, opts...)
}

func recordWith(t *testing.T, providerOpts []sdktrace.TracerProviderOption, opts ...tracing.Option) *recording {
	t.Helper()
	r := &recording{t: t, spans: tracetest.NewInMemoryExporter(), reader: sdkmetric.NewManualReader()}
	r.provider = sdktrace.NewTracerProvider(append([]sdktrace.TracerProviderOption{
		sdktrace.WithSpanProcessor(tracing.FlowProcessor()),
		sdktrace.WithSyncer(r.spans),
	}, providerOpts...)...)
	meters := sdkmetric.NewMeterProvider(sdkmetric.WithReader(r.reader))
	t.Cleanup(func() {
		require.NoError(t, r.provider.Shutdown(context.Background()))
		require.NoError(t, meters.Shutdown(context.Background()))
	})
	r.tracer = r.provider.Tracer("test")
	r.hooks = tracing.NewHooks(append([]tracing.Option{
		tracing.WithTracerProvider(r.provider), tracing.WithMeterProvider(meters), tracing.WithPropagator(w3c()),
	}, opts...)...)
	return r
}

func w3c() propagation.TextMapPropagator {
	return propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})
}

// names are the names of the spans that have ended, in that order.
func (r *recording) names() []string {
	var names []string
	for _, s := range r.spans.GetSpans() {
		names = append(names, s.Name)
	}
	return names
}

// span is the one span of that name.
func (r *recording) span(name string) tracetest.SpanStub {
	r.t.Helper()
	var found []tracetest.SpanStub
	for _, s := range r.spans.GetSpans() {
		if s.Name == name {
			found = append(found, s)
		}
	}
	require.Len(r.t, found, 1, "spans named %q among %q", name, r.names())
	return found[0]
}

// under runs f in a span of the test's own and returns that span's context.
func (r *recording) under(ctx context.Context, name string, f func(context.Context)) trace.SpanContext {
	ctx, span := r.tracer.Start(ctx, name)
	f(ctx)
	span.End()
	return span.SpanContext()
}

// publish sends m through the hooks as a bus does, and returns the context of
// its span.
func (r *recording) publish(ctx context.Context, m *bus.Message, err error) context.Context {
	ctx = r.hooks.PublishStart(ctx, m)
	r.hooks.PublishEnd(ctx, m, 3*time.Millisecond, err)
	return ctx
}

// process hands d to the hooks as a bus does; handler runs in between.
func (r *recording) process(ctx context.Context, d *bus.Delivery, v bus.Verdict, handler func(context.Context)) {
	ctx = r.hooks.ProcessStart(ctx, d)
	if handler != nil {
		handler(ctx)
	}
	r.hooks.ProcessEnd(ctx, d, v, 20*time.Millisecond)
	ctx = r.hooks.SettleStart(ctx, d, v)
	r.hooks.SettleEnd(ctx, d, v, time.Millisecond, nil)
}

// metrics are the recorded metrics by name.
func (r *recording) metrics() map[string]metricdata.Metrics {
	r.t.Helper()
	var all metricdata.ResourceMetrics
	require.NoError(r.t, r.reader.Collect(context.Background(), &all))
	found := make(map[string]metricdata.Metrics)
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			found[m.Name] = m
		}
	}
	return found
}

func asMap(attrs []attribute.KeyValue) map[string]any {
	m := make(map[string]any, len(attrs))
	for _, a := range attrs {
		m[string(a.Key)] = a.Value.AsInterface()
	}
	return m
}

func rabbit() *bus.Info {
	return &bus.Info{System: "rabbitmq", Exchange: "events", Host: "rabbit.example", Port: 5672}
}

// message is an event of order 1042 on its way to RabbitMQ.
func message() *bus.Message {
	e := event.New("payment.confirmed", nil).WithSubject("1042")
	e.ID, e.Source, e.Time = "01EVENT", "payment", time.Now()
	e.FlowName, e.FlowID = "order", "01FLOW"
	return &bus.Message{Event: e, Exchange: "events", RoutingKey: "payment.confirmed", Info: rabbit()}
}

// deliver is m as it arrives in a queue.
func deliver(m *bus.Message, queue string, attempt int) *bus.Delivery {
	d := &bus.Delivery{Message: *m, Queue: queue, Attempt: attempt, Tag: 7, Received: time.Now()}
	d.Headers = maps.Clone(m.Headers)
	return d
}

// linksOf are the span ids that s is linked to.
func linksOf(s tracetest.SpanStub) []string {
	var ids []string
	for _, l := range s.Links {
		ids = append(ids, l.SpanContext.SpanID().String())
	}
	slices.Sort(ids)
	return ids
}
