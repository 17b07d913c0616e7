package tracing_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/tracing"
)

const unsampledParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-02"

// TestWhereTheParentDecidesNobodyIsAsked: the context of a trace that was
// sampled out is carried on as the SDK would, with ids of its own.
func TestWhereTheParentDecidesNobodyIsAsked(t *testing.T) {
	var seen []sdktrace.SamplingParameters
	r := recordWith(t, []sdktrace.TracerProviderOption{
		sdktrace.WithSampler(samplerSpy{sdktrace.ParentBased(sdktrace.AlwaysSample()), &seen}),
	}, tracing.WithSamplingByParent())
	parent, err := trace.ParseTraceState("vendor=1")
	require.NoError(t, err)
	began := tracing.ParseTraceparent(unsampledParent).WithTraceState(parent)

	m := message()
	r.publish(trace.ContextWithRemoteSpanContext(context.Background(), began), m, nil)
	published := tracing.ParseTraceparent(m.Headers["traceparent"])
	require.Equal(t, began.TraceID(), published.TraceID())
	require.NotEqual(t, began.SpanID(), published.SpanID())
	require.Equal(t, began.TraceFlags(), published.TraceFlags(), "not sampled, and random as before")
	require.Equal(t, "vendor=1", m.Headers["tracestate"])

	retry := bus.Verdict{Action: bus.RetryLater, Err: errors.New("later")}
	r.process(context.Background(), deliver(m, "delivery", 1), retry, func(ctx context.Context) {
		span := trace.SpanFromContext(ctx)
		sc := span.SpanContext()
		require.Equal(t, began.TraceID(), sc.TraceID())
		require.NotEqual(t, published.SpanID(), sc.SpanID(), "logs tell them apart")
		require.False(t, sc.IsSampled())
		require.False(t, sc.IsRemote())
		require.False(t, span.IsRecording())
		require.Equal(t, trace.TracerProvider(r.provider), span.TracerProvider(), "instrumentations take theirs from it")
	})
	require.Empty(t, seen)
	require.Empty(t, r.names())
	require.Len(t, r.metrics(), 4, "metrics don't depend on sampling")

	// What was sampled, begins, or is redriven is asked about as ever.
	r.publish(context.Background(), message(), nil)
	require.Len(t, seen, 1)
	sampled := began.WithTraceFlags(trace.FlagsSampled)
	r.publish(trace.ContextWithRemoteSpanContext(context.Background(), sampled), message(), nil)
	require.Len(t, seen, 2)
	m.Headers[bus.HeaderRedrive] = tracing.Traceparent(sampled)
	r.process(context.Background(), deliver(m, "delivery", 2), bus.Verdict{}, nil)
	require.Len(t, r.spans.GetSpans(), 3)
}

// TestTheSamplerOfTheEnvironmentDecides: the hooks leave out no span that the
// SDK's sampler would keep.
func TestTheSamplerOfTheEnvironmentDecides(t *testing.T) {
	for _, sampler := range []string{
		"", "always_on", " Always_On ", "always_off", "traceidratio",
		"parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio", "unknown",
	} {
		t.Run(sampler, func(t *testing.T) {
			exportsWith(t, "OTEL_TRACES_SAMPLER", sampler)
			tel, _ := start(t, tracing.Config{})
			ctx := trace.ContextWithRemoteSpanContext(context.Background(), tracing.ParseTraceparent(unsampledParent))
			_, span := tel.TracerProvider.Tracer("test").Start(ctx, "by the SDK")
			defer span.End()
			hooks := tel.Hooks()[0].(*tracing.Hooks)
			m := message()
			out := hooks.PublishStart(ctx, m)
			require.Equal(t, span.IsRecording(), trace.SpanFromContext(out).IsRecording())
			require.Equal(t, span.SpanContext().IsSampled(), trace.SpanContextFromContext(out).IsSampled())
			hooks.PublishEnd(out, m, time.Millisecond, nil)
		})
	}
}
