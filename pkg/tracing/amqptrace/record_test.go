package amqptrace_test

import (
	"context"
	"slices"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/laban-io/laban/pkg/tracing/amqptrace"
)

// recording is a tracer whose spans and metrics can be read.
type recording struct {
	t *testing.T
	*amqptrace.Tracer
	own    trace.Tracer
	spans  *tracetest.InMemoryExporter
	reader *sdkmetric.ManualReader
}

func record(t *testing.T, opts ...amqptrace.Option) *recording {
	t.Helper()
	r := &recording{t: t, spans: tracetest.NewInMemoryExporter(), reader: sdkmetric.NewManualReader()}
	tp := sdktrace.NewTracerProvider(sdktrace.WithSyncer(r.spans))
	mp := sdkmetric.NewMeterProvider(sdkmetric.WithReader(r.reader))
	t.Cleanup(func() {
		require.NoError(t, tp.Shutdown(context.Background()))
		require.NoError(t, mp.Shutdown(context.Background()))
	})
	r.own = tp.Tracer("test")
	r.Tracer = amqptrace.New(append([]amqptrace.Option{
		amqptrace.WithTracerProvider(tp), amqptrace.WithMeterProvider(mp),
		amqptrace.WithPropagator(propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})),
		amqptrace.WithURL("amqp://shop:secret@rabbit.example:5673/vhost"),
	}, opts...)...)
	return r
}

func (r *recording) names() []string {
	var names []string
	for _, s := range r.spans.GetSpans() {
		names = append(names, s.Name)
	}
	return names
}

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

func (r *recording) under(ctx context.Context, name string, f func(context.Context)) trace.SpanContext {
	ctx, span := r.own.Start(ctx, name)
	f(ctx)
	span.End()
	return span.SpanContext()
}

// metrics are the attributes of the recorded metrics' points, by name.
func (r *recording) metrics() map[string][]map[string]any {
	r.t.Helper()
	var all metricdata.ResourceMetrics
	require.NoError(r.t, r.reader.Collect(context.Background(), &all))
	found := make(map[string][]map[string]any)
	for _, scope := range all.ScopeMetrics {
		require.Equal(r.t, amqptrace.ScopeName, scope.Scope.Name)
		for _, m := range scope.Metrics {
			switch data := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range data.DataPoints {
					attrs := asMap(p.Attributes.ToSlice())
					attrs["value"] = p.Value
					found[m.Name] = append(found[m.Name], attrs)
				}
			case metricdata.Histogram[float64]:
				for _, p := range data.DataPoints {
					attrs := asMap(p.Attributes.ToSlice())
					attrs["value"] = int64(p.Count)
					found[m.Name] = append(found[m.Name], attrs)
				}
			}
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

func linksOf(s tracetest.SpanStub) []string {
	var ids []string
	for _, l := range s.Links {
		ids = append(ids, l.SpanContext.SpanID().String())
	}
	slices.Sort(ids)
	return ids
}

// settlements is an acknowledger that keeps what it is told.
type settlements struct {
	told []string
	err  error
}

func (s *settlements) Ack(uint64, bool) error { s.told = append(s.told, "ack"); return s.err }
func (s *settlements) Nack(uint64, bool, bool) error {
	s.told = append(s.told, "nack")
	return s.err
}
func (s *settlements) Reject(uint64, bool) error { s.told = append(s.told, "reject"); return s.err }

// send publishes through the tracer and returns the message as it would arrive.
func (r *recording) send(ctx context.Context, msg amqp.Publishing, err error) amqp.Delivery {
	r.Publish(ctx, "shop", "order.placed", &msg)(err)
	return amqp.Delivery{
		Headers: msg.Headers, MessageId: msg.MessageId, CorrelationId: msg.CorrelationId,
		Exchange: "shop", RoutingKey: "order.placed", DeliveryTag: 7, Acknowledger: &settlements{},
	}
}
