package tracing_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/trace"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/pkg/tracing"
)

func TestProcessSpan(t *testing.T) {
	r := record(t)
	m := message()
	r.publish(context.Background(), m, nil)
	d := deliver(m, "delivery", 1)
	d.Redelivered = true
	r.process(context.Background(), d, bus.Verdict{}, func(ctx context.Context) {
		r.under(ctx, "work", func(context.Context) {})
	})

	published, span := r.span("publish events:payment.confirmed"), r.span("process events:payment.confirmed:delivery")
	require.Equal(t, trace.SpanKindConsumer, span.SpanKind)
	require.Equal(t, published.SpanContext.TraceID(), span.SpanContext.TraceID())
	require.Equal(t, published.SpanContext.SpanID(), span.Parent.SpanID())
	require.True(t, span.Parent.IsRemote())
	require.Equal(t, []string{published.SpanContext.SpanID().String()}, linksOf(span))
	require.Equal(t, codes.Unset, span.Status.Code)
	require.Empty(t, cmp.Diff(map[string]any{
		"messaging.system":                           "rabbitmq",
		"messaging.operation.name":                   "process",
		"messaging.operation.type":                   "process",
		"messaging.destination.name":                 "events:payment.confirmed:delivery",
		"messaging.rabbitmq.destination.routing_key": "payment.confirmed",
		"messaging.rabbitmq.message.delivery_tag":    int64(7),
		"server.address":                             "rabbit.example",
		"server.port":                                int64(5672),
		"messaging.message.id":                       "01EVENT",
		"messaging.message.conversation_id":          "01FLOW",
		"laban.flow.id":                              "01FLOW",
		"laban.flow.key":                             "1042",
		"laban.flow.name":                            "order",
		"laban.attempt":                              int64(1),
		"laban.redelivered":                          true,
	}, asMap(span.Attributes)))
	require.Equal(t, span.SpanContext.SpanID(), r.span("work").Parent.SpanID())
}

func TestProcessVerdicts(t *testing.T) {
	failed := errors.New("no stock")
	for _, c := range []struct {
		verdict   bus.Verdict
		errorType any // nil: no failure
		verdictIs any
	}{
		{bus.Verdict{Action: bus.Ack}, nil, nil},
		{bus.Verdict{Action: bus.Discard, Err: failed}, nil, "drop"},
		{bus.Verdict{Action: bus.RetryLater, Err: failed}, "_OTHER", "retry"},
		{bus.Verdict{Action: bus.Park, Err: fmt.Errorf("%w: %w", bus.ErrExhausted, failed)}, "_OTHER", "park"},
		{bus.Verdict{Action: bus.Park, Err: fmt.Errorf("%w: x", event.ErrMalformed)}, "malformed", "park"},
		{bus.Verdict{Action: bus.Park, Err: bus.ErrNoHandler}, "no_handler", "park"},
		{bus.Verdict{Action: bus.RetryLater, Err: &bus.PanicError{Value: bus.ErrBlocked}}, "panic", "retry"},
		{bus.Verdict{Action: bus.RetryLater, Err: fmt.Errorf("%w: %w", bus.ErrHandlerTimeout, context.DeadlineExceeded)}, "handler_timeout", "retry"},
	} {
		t.Run(fmt.Sprint(c.verdictIs, " ", c.errorType), func(t *testing.T) {
			r := record(t, tracing.WithSettleSpans(tracing.SettleSpansNone))
			r.process(context.Background(), deliver(message(), "delivery", 1), c.verdict, nil)
			span := r.span("process events:payment.confirmed:delivery")
			attrs := asMap(span.Attributes)
			require.Equal(t, c.errorType, attrs["error.type"])
			require.Equal(t, c.verdictIs, attrs["laban.verdict"])
			if c.errorType == nil {
				require.Equal(t, codes.Unset, span.Status.Code)
			} else {
				require.Equal(t, codes.Error, span.Status.Code)
				require.Equal(t, c.verdict.Err.Error(), span.Status.Description)
			}
		})
	}
}

// The handler of a delivery that was cut off may return anything; the cause of
// its context says why.
func TestProcessThatWasCutOff(t *testing.T) {
	r := record(t)
	ctx, cut := context.WithCancelCause(context.Background())
	cut(bus.ErrSessionLost)
	r.process(ctx, deliver(message(), "delivery", 1), bus.Verdict{Action: bus.Requeue, Err: errors.New("context canceled")}, nil)
	require.Equal(t, "session_lost", asMap(r.span("process events:payment.confirmed:delivery").Attributes)["error.type"])
}

func TestProcessWithoutTraceBeginsOne(t *testing.T) {
	r := record(t)
	r.process(context.Background(), deliver(message(), "delivery", 1), bus.Verdict{}, nil)
	span := r.span("process events:payment.confirmed:delivery")
	require.False(t, span.Parent.IsValid())
	require.Empty(t, span.Links)
}

// The span that a bus was started under would gather every message of the
// process in one trace.
func TestAmbientSpanIsLinkedOnly(t *testing.T) {
	r := record(t)
	m := message()
	r.publish(context.Background(), m, nil)
	published := r.span("publish events:payment.confirmed").SpanContext
	ambient := r.under(context.Background(), "start", func(ctx context.Context) {
		r.process(ctx, deliver(m, "delivery", 1), bus.Verdict{}, nil)
		r.process(ctx, deliver(message(), "untraced", 1), bus.Verdict{}, nil)
	})
	span := r.span("process events:payment.confirmed:delivery")
	require.Equal(t, published.SpanID(), span.Parent.SpanID())
	require.ElementsMatch(t, []string{published.SpanID().String(), ambient.SpanID().String()}, linksOf(span))
	untraced := r.span("process events:payment.confirmed:untraced")
	require.False(t, untraced.Parent.IsValid())
	require.NotEqual(t, ambient.TraceID(), untraced.SpanContext.TraceID())
	require.Equal(t, []string{ambient.SpanID().String()}, linksOf(untraced))
}

func TestEveryAttemptIsASpanInTheSameTrace(t *testing.T) {
	r, l := record(t), newLoop()
	attempts := 0
	b := run(t, l, r.hooks, "payment", func(b *bus.Bus) {
		b.HandleFunc(func(context.Context, event.Event) error {
			if attempts++; attempts == 1 {
				return errors.New("not yet")
			}
			return nil
		}, "stock.confirmed")
	})
	ctx, flow := b.StartFlow(context.Background(), "order", "1042")
	require.NoError(t, b.Publish(ctx, event.New("stock.confirmed", nil)))
	require.Equal(t, bus.RetryLater, l.next(t).Action)
	require.Equal(t, bus.Ack, l.next(t).Action)

	published := r.span("publish events:stock.confirmed").SpanContext
	var seen []int64
	for _, s := range r.spans.GetSpans() {
		require.Equal(t, published.TraceID(), s.SpanContext.TraceID(), s.Name)
		require.Equal(t, flow.ID, asMap(s.Attributes)["laban.flow.id"], s.Name)
		if s.SpanKind == trace.SpanKindConsumer {
			require.Equal(t, published.SpanID(), s.Parent.SpanID())
			seen = append(seen, asMap(s.Attributes)["laban.attempt"].(int64))
		}
	}
	require.Equal(t, []int64{1, 2}, seen)
}

// The duration of processing is that of the handler, not what the delivery
// waited for a free worker before.
func TestProcessDurationIsTheHandlers(t *testing.T) {
	r, l := record(t), newLoop()
	l.waited = time.Hour
	b := run(t, l, r.hooks, "payment", func(b *bus.Bus) {
		b.HandleFunc(func(context.Context, event.Event) error { return nil }, "stock.confirmed")
	})
	require.NoError(t, b.Publish(context.Background(), event.New("stock.confirmed", nil)))
	l.next(t)
	histogram := r.metrics()["messaging.process.duration"].Data.(metricdata.Histogram[float64])
	require.Len(t, histogram.DataPoints, 1)
	require.Less(t, histogram.DataPoints[0].Sum, time.Minute.Seconds())
}
