package tracing_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/tracing"
)

func TestRedriveBeginsANewTraceLinkedBothWays(t *testing.T) {
	for name, traced := range map[string]bool{"traced": true, "untraced": false} {
		t.Run(name, func(t *testing.T) {
			r := record(t)
			m := message()
			r.publish(context.Background(), m, nil)
			published := r.span("publish events:payment.confirmed").SpanContext

			d := deliver(m, "delivery", 1)
			d.Headers[bus.HeaderRedrive] = "by hand"
			var redrive trace.SpanContext
			if traced {
				redrive = r.under(context.Background(), "laban parked redrive", func(ctx context.Context) {
					d.Headers[bus.HeaderRedrive] = tracing.Traceparent(trace.SpanContextFromContext(ctx))
				})
			}
			next := message()
			next.Event.Type, next.RoutingKey = "order.shipped", "order.shipped"
			r.process(context.Background(), d, bus.Verdict{}, func(ctx context.Context) { r.publish(ctx, next, nil) })

			span := r.span("process events:payment.confirmed:delivery")
			require.NotEqual(t, published.TraceID(), span.SpanContext.TraceID())
			require.Equal(t, []string{published.SpanID().String()}, linksOf(span))
			require.Equal(t, redrive.SpanID(), span.Parent.SpanID())
			if traced {
				require.Equal(t, redrive.TraceID(), span.SpanContext.TraceID())
			}
			require.Equal(t, span.SpanContext.TraceID(), r.span("publish events:order.shipped").SpanContext.TraceID(),
				"what follows is in the new trace")

			mark := r.span("redrive events:payment.confirmed:delivery")
			require.Equal(t, published.TraceID(), mark.SpanContext.TraceID())
			require.Equal(t, published.SpanID(), mark.Parent.SpanID())
			require.Equal(t, []string{span.SpanContext.SpanID().String()}, linksOf(mark))
			require.Equal(t, trace.SpanKindInternal, mark.SpanKind)
			require.Equal(t, "01FLOW", asMap(mark.Attributes)["laban.flow.id"])
		})
	}
}

func TestAttemptsOfARedrivenMessageShareItsTrace(t *testing.T) {
	r := record(t, tracing.WithSettleSpans(tracing.SettleSpansNone))
	m := message()
	r.publish(context.Background(), m, nil)
	redrive := r.under(context.Background(), "laban parked redrive", func(ctx context.Context) {
		m.SetHeader(bus.HeaderRedrive, tracing.Traceparent(trace.SpanContextFromContext(ctx)))
	})
	for attempt := 1; attempt <= 3; attempt++ {
		r.process(context.Background(), deliver(m, "delivery", attempt), bus.Verdict{Action: bus.RetryLater, Err: errors.New("x")}, nil)
	}
	var attempts int
	for _, s := range r.spans.GetSpans() {
		if s.SpanKind == trace.SpanKindConsumer {
			require.Equal(t, redrive.SpanID(), s.Parent.SpanID())
			attempts++
		}
	}
	require.Equal(t, 3, attempts)
	r.span("redrive events:payment.confirmed:delivery") // exactly one mark
}
