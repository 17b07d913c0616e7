package tracing_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/trace"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/tracing"
)

func TestSettleSpans(t *testing.T) {
	actions := []bus.Action{bus.Ack, bus.RetryLater, bus.Park, bus.Discard, bus.Requeue}
	for _, c := range []struct {
		name    string
		opts    []tracing.Option
		spanned []bus.Action
	}{
		{"default", nil, []bus.Action{bus.RetryLater, bus.Park, bus.Discard, bus.Requeue}},
		{"all", []tracing.Option{tracing.WithSettleSpans(tracing.SettleSpansAll)}, actions},
		{"none", []tracing.Option{tracing.WithSettleSpans(tracing.SettleSpansNone)}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := record(t, c.opts...)
			var want []string
			for _, action := range actions {
				r.process(context.Background(), deliver(message(), "delivery", 1), bus.Verdict{Action: action, Err: errors.New("x")}, nil)
			}
			for _, action := range c.spanned {
				want = append(want, action.String()+" events:payment.confirmed:delivery")
			}
			var got []string
			for _, s := range r.spans.GetSpans() {
				if s.SpanKind != trace.SpanKindClient {
					continue
				}
				got = append(got, s.Name)
				attrs := asMap(s.Attributes)
				require.Equal(t, "settle", attrs["messaging.operation.type"])
				require.Equal(t, int64(7), attrs["messaging.rabbitmq.message.delivery_tag"])
				require.Equal(t, "01FLOW", attrs["laban.flow.id"])
				require.Equal(t, codes.Unset, s.Status.Code)
			}
			require.Equal(t, want, got)

			operations := r.metrics()["messaging.client.operation.duration"].Data.(metricdata.Histogram[float64])
			counted := make(map[string]uint64)
			for _, p := range operations.DataPoints {
				name, _ := p.Attributes.Value("messaging.operation.name")
				counted[name.AsString()] = p.Count
			}
			require.Equal(t, map[string]uint64{"ack": 1, "retry": 1, "park": 1, "drop": 1, "requeue": 1}, counted,
				"metrics count every one")
		})
	}
}

func TestSettleSpanIsAChildOfProcessing(t *testing.T) {
	r := record(t)
	r.process(context.Background(), deliver(message(), "delivery", 1), bus.Verdict{Action: bus.Park, Err: errors.New("x")}, nil)
	processed, settled := r.span("process events:payment.confirmed:delivery"), r.span("park events:payment.confirmed:delivery")
	require.Equal(t, processed.SpanContext.SpanID(), settled.Parent.SpanID())
	require.Equal(t, processed.SpanContext.TraceID(), settled.SpanContext.TraceID())
}

func TestSettleFailure(t *testing.T) {
	r := record(t)
	d, v := deliver(message(), "delivery", 1), bus.Verdict{Action: bus.RetryLater, Err: errors.New("x")}
	ctx := r.hooks.SettleStart(context.Background(), d, v)
	r.hooks.SettleEnd(ctx, d, v, time.Millisecond, bus.ErrSessionLost)
	span := r.span("retry events:payment.confirmed:delivery")
	require.Equal(t, codes.Error, span.Status.Code)
	require.Equal(t, "session_lost", asMap(span.Attributes)["error.type"])
	p := r.metrics()["messaging.client.operation.duration"].Data.(metricdata.Histogram[float64]).DataPoints[0]
	failure, ok := p.Attributes.Value("error.type")
	require.True(t, ok)
	require.Equal(t, "session_lost", failure.AsString())
}
