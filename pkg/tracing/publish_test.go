package tracing_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/tracing"
)

func TestPublishSpan(t *testing.T) {
	r := record(t)
	m := message()
	var ctx context.Context
	parent := r.under(context.Background(), "request", func(under context.Context) { ctx = r.publish(under, m, nil) })

	span := r.span("publish events:payment.confirmed")
	require.Equal(t, trace.SpanKindProducer, span.SpanKind)
	require.Equal(t, parent.SpanID(), span.Parent.SpanID())
	require.Equal(t, parent.TraceID(), span.SpanContext.TraceID())
	require.Empty(t, span.Links)
	require.Equal(t, codes.Unset, span.Status.Code)
	require.Equal(t, tracing.ScopeName, span.InstrumentationScope.Name)
	require.Equal(t, semconv.SchemaURL, span.InstrumentationScope.SchemaURL)
	require.Empty(t, cmp.Diff(map[string]any{
		"messaging.system":                           "rabbitmq",
		"messaging.operation.name":                   "publish",
		"messaging.operation.type":                   "send",
		"messaging.destination.name":                 "events:payment.confirmed",
		"messaging.rabbitmq.destination.routing_key": "payment.confirmed",
		"server.address":                             "rabbit.example",
		"server.port":                                int64(5672),
		"messaging.message.id":                       "01EVENT",
		"messaging.message.conversation_id":          "01FLOW",
		"laban.flow.id":                              "01FLOW",
		"laban.flow.key":                             "1042",
		"laban.flow.name":                            "order",
	}, asMap(span.Attributes)))
	require.Equal(t, span.SpanContext.SpanID(), trace.SpanContextFromContext(ctx).SpanID())
	require.Equal(t, tracing.Traceparent(span.SpanContext), m.Headers["traceparent"])
}

func TestPublishOutsideAFlow(t *testing.T) {
	r := record(t)
	m := message()
	m.Event.FlowID, m.Event.FlowName = "", ""
	r.publish(context.Background(), m, nil)
	attrs := asMap(r.span("publish events:payment.confirmed").Attributes)
	for _, key := range []string{"laban.flow.id", "laban.flow.key", "laban.flow.name", "messaging.message.conversation_id"} {
		require.NotContains(t, attrs, key)
	}
}

// samplerSpy keeps what a sampler sees.
type samplerSpy struct {
	sdktrace.Sampler
	seen *[]sdktrace.SamplingParameters
}

func (s samplerSpy) ShouldSample(p sdktrace.SamplingParameters) sdktrace.SamplingResult {
	*s.seen = append(*s.seen, p)
	return s.Sampler.ShouldSample(p)
}

func TestSamplersSeeWhatTheConventionsAskFor(t *testing.T) {
	var seen []sdktrace.SamplingParameters
	r := recordWith(t, []sdktrace.TracerProviderOption{
		sdktrace.WithSampler(samplerSpy{sdktrace.ParentBased(sdktrace.AlwaysSample()), &seen}),
	})
	sampledOut := trace.ContextWithSpanContext(context.Background(), trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{1}, SpanID: trace.SpanID{1},
	}))
	for _, ctx := range []context.Context{context.Background(), sampledOut} {
		seen = nil
		m := message()
		r.publish(ctx, m, nil)
		retry := bus.Verdict{Action: bus.RetryLater, Err: errors.New("later")}
		r.process(context.Background(), deliver(m, "delivery", 1), retry, nil)
		require.Len(t, seen, 3)
		for i, kind := range []trace.SpanKind{trace.SpanKindProducer, trace.SpanKindConsumer, trace.SpanKindClient} {
			require.Equal(t, kind, seen[i].Kind)
			attrs := asMap(seen[i].Attributes)
			for _, key := range []string{
				"messaging.system", "messaging.operation.name", "messaging.operation.type", "messaging.destination.name",
				"messaging.rabbitmq.destination.routing_key", "server.address", "server.port",
			} {
				require.Contains(t, attrs, key, "span %d, %s", i, seen[i].Name)
			}
		}
	}
}

func TestPublishFailures(t *testing.T) {
	for want, err := range map[string]error{
		"unconfirmed": fmt.Errorf("publish: %w", bus.ErrUnconfirmed),
		"blocked":     bus.ErrBlocked,
		"unreachable": bus.ErrUnreachable,
		"rejected":    bus.ErrRejected,
		"unroutable":  bus.ErrUnroutable,
		"too_large":   bus.ErrTooLarge,
		"closed":      bus.ErrClosed,
		"canceled":    fmt.Errorf("wait: %w", context.Canceled),
		"timeout":     context.DeadlineExceeded,
		"_OTHER":      errors.New("anything"),
	} {
		t.Run(want, func(t *testing.T) {
			r := record(t)
			r.publish(context.Background(), message(), err)
			span := r.span("publish events:payment.confirmed")
			require.Equal(t, codes.Error, span.Status.Code)
			require.Equal(t, err.Error(), span.Status.Description)
			require.Equal(t, want, asMap(span.Attributes)["error.type"])
		})
	}
}

func TestNoPasswordInASpan(t *testing.T) {
	r := record(t)
	err := errors.New(`dial amqp://shop:s3cr@et@rabbit.example:5672/ and "https://u:s3cret@b" failed`)
	r.publish(context.Background(), message(), err)
	require.Equal(t, `dial amqp://REDACTED@rabbit.example:5672/ and "https://REDACTED@b" failed`,
		r.span("publish events:payment.confirmed").Status.Description)
}

func TestSampledOut(t *testing.T) {
	r := recordWith(t, []sdktrace.TracerProviderOption{sdktrace.WithSampler(sdktrace.NeverSample())})
	m := message()
	r.publish(context.Background(), m, errors.New("fails"))
	require.Empty(t, r.names())
	sc := tracing.ParseTraceparent(m.Headers["traceparent"])
	require.True(t, sc.IsValid(), "the decision not to sample travels")
	require.False(t, sc.IsSampled())
	r.process(context.Background(), deliver(m, "delivery", 1), bus.Verdict{Action: bus.Park, Err: errors.New("fails")}, func(ctx context.Context) {
		require.Equal(t, sc.TraceID(), trace.SpanContextFromContext(ctx).TraceID())
	})
	require.Empty(t, r.names())
	require.Len(t, r.metrics(), 4, "metrics don't depend on sampling")
}

// recordAll records spans of traces that were not sampled.
type recordAll struct{}

func (recordAll) ShouldSample(p sdktrace.SamplingParameters) sdktrace.SamplingResult {
	return sdktrace.SamplingResult{Decision: sdktrace.RecordAndSample}
}
func (recordAll) Description() string { return "recordAll" }

// A sampler of one's own may record the child of a span that was sampled out:
// it is as complete as any other.
func TestSampledInAgain(t *testing.T) {
	r := recordWith(t, []sdktrace.TracerProviderOption{sdktrace.WithSampler(recordAll{})})
	m := message()
	m.Headers = map[string]string{"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"}
	r.process(context.Background(), deliver(m, "delivery", 2), bus.Verdict{}, nil)
	span := r.span("process events:payment.confirmed:delivery")
	require.Equal(t, []string{"b7ad6b7169203331"}, linksOf(span))
	require.Equal(t, int64(2), asMap(span.Attributes)["laban.attempt"])
	require.Equal(t, "01FLOW", asMap(span.Attributes)["laban.flow.id"])
}
