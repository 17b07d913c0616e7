package tracing_test

import (
	"context"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/tracing"
)

// discard is an exporter that costs nothing.
type discard struct{}

func (discard) ExportSpans(context.Context, []sdktrace.ReadOnlySpan) error { return nil }
func (discard) Shutdown(context.Context) error                             { return nil }

const benchQueue = 1 << 16

// sampledOut is the context of a trace that was not sampled.
func sampledOut() context.Context {
	return trace.ContextWithSpanContext(context.Background(), trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{1}, SpanID: trace.SpanID{1},
	}))
}

// pair is one message: its publish and its processing.
type pair func()

// rig makes the two ways to do a pair that are compared. bare is the SDK doing
// the same two spans with the same attributes, links, inject and extract,
// without metrics.
type rig struct {
	ctx     context.Context //nolint:containedctx // a row of a table
	sampler sdktrace.Sampler
}

func rigs() map[string]rig {
	return map[string]rig{
		"sampled": {context.Background(), sdktrace.ParentBased(sdktrace.AlwaysSample())},
		// The decision was made where the trace began, and here.
		"sampledout":     {sampledOut(), sdktrace.ParentBased(sdktrace.AlwaysSample())},
		"sampledoutroot": {context.Background(), sdktrace.ParentBased(sdktrace.NeverSample())},
	}
}

func (r rig) bare(b *testing.B) pair {
	tp := sdktrace.NewTracerProvider(sdktrace.WithSampler(r.sampler),
		sdktrace.WithBatcher(discard{}, sdktrace.WithMaxQueueSize(benchQueue)))
	b.Cleanup(func() { _ = tp.Shutdown(context.Background()) })
	return barePair(r.ctx, tp)
}

func (r rig) hooks(b *testing.B, metrics bool) pair {
	gate, _ := tracing.NewTestGate(discard{}, benchQueue, func(error) {})
	tp := sdktrace.NewTracerProvider(sdktrace.WithSampler(r.sampler),
		sdktrace.WithSpanProcessor(tracing.FlowProcessor()), sdktrace.WithSpanProcessor(gate))
	b.Cleanup(func() { _ = tp.Shutdown(context.Background()) })
	opts := []tracing.Option{
		tracing.WithTracerProvider(tp), tracing.WithPropagator(w3c()),
		tracing.WithMeterProvider(metricnoop.NewMeterProvider()),
		tracing.WithSamplingByParent(), // as Start says it by default
	}
	if metrics {
		mp := sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewManualReader()))
		b.Cleanup(func() { _ = mp.Shutdown(context.Background()) })
		opts = append(opts, tracing.WithMeterProvider(mp))
	}
	return hooksPair(r.ctx, tracing.NewHooks(opts...))
}

func BenchmarkPair(b *testing.B) {
	for name, r := range rigs() {
		for _, way := range []string{"bare", "hooks", "hooksnometrics"} {
			b.Run(name+"/"+way, func(b *testing.B) {
				var once pair
				switch way {
				case "bare":
					once = r.bare(b)
				case "hooks":
					once = r.hooks(b, true)
				default:
					once = r.hooks(b, false)
				}
				b.ReportAllocs()
				for b.Loop() {
					once()
				}
			})
		}
	}
}

func hooksPair(ctx context.Context, h *tracing.Hooks) pair {
	sent := message()
	received := deliver(sent, "delivery", 1)
	ctx = bus.WithFlow(ctx, bus.Flow{Name: "order", ID: "01FLOW", Key: "1042"})
	inbound := context.Background()
	return func() {
		sent.Headers = nil
		out := h.PublishStart(ctx, sent)
		h.PublishEnd(out, sent, time.Millisecond, nil)
		received.Headers = sent.Headers
		in := h.ProcessStart(inbound, received)
		h.ProcessEnd(in, received, bus.Verdict{}, time.Millisecond)
	}
}

func barePair(ctx context.Context, tp trace.TracerProvider) pair {
	tracer, propagator := tp.Tracer("bare"), w3c()
	m := message()
	d := deliver(m, "delivery", 1)
	return func() {
		m.Headers = make(map[string]string, 4)
		out, span := tracer.Start(ctx, "publish events:payment.confirmed",
			trace.WithSpanKind(trace.SpanKindProducer),
			trace.WithAttributes(
				semconv.MessagingSystemRabbitMQ,
				semconv.MessagingOperationName("publish"),
				semconv.ServerAddress(m.Info.Host),
				semconv.ServerPort(m.Info.Port),
				semconv.MessagingOperationTypeSend,
				semconv.MessagingDestinationName("events:payment.confirmed"),
				semconv.MessagingRabbitMQDestinationRoutingKey(m.RoutingKey),
				semconv.MessagingMessageID(m.Event.ID),
				semconv.MessagingMessageConversationID(m.Event.FlowID),
				attribute.String("laban.flow.id", m.Event.FlowID),
				attribute.String("laban.flow.name", m.Event.FlowName),
				attribute.String("laban.flow.key", m.Event.Subject),
			))
		propagator.Inject(out, propagation.MapCarrier(m.Headers))
		span.End()

		d.Headers = m.Headers
		in := propagator.Extract(context.Background(), propagation.MapCarrier(d.Headers))
		_, span = tracer.Start(in, "process events:payment.confirmed:delivery",
			trace.WithSpanKind(trace.SpanKindConsumer),
			trace.WithLinks(trace.LinkFromContext(in)),
			trace.WithAttributes(
				semconv.MessagingSystemRabbitMQ,
				semconv.MessagingOperationName("process"),
				semconv.ServerAddress(d.Info.Host),
				semconv.ServerPort(d.Info.Port),
				semconv.MessagingOperationTypeProcess,
				semconv.MessagingDestinationName("events:payment.confirmed:delivery"),
				semconv.MessagingRabbitMQDestinationRoutingKey(d.RoutingKey),
				semconv.MessagingMessageID(d.Event.ID),
				semconv.MessagingMessageConversationID(d.Event.FlowID),
				semconv.MessagingRabbitMQMessageDeliveryTag(int(d.Tag)),
				attribute.String("laban.flow.id", d.Event.FlowID),
				attribute.String("laban.flow.name", d.Event.FlowName),
				attribute.String("laban.flow.key", d.Event.Subject),
				attribute.Int("laban.attempt", d.Attempt),
			))
		span.End()
	}
}
