package tracing_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/pkg/tracing"
)

func TestEverySpanOfAHandlerNamesItsFlow(t *testing.T) {
	r, l := record(t), newLoop()
	b := run(t, l, r.hooks, "payment", func(b *bus.Bus) {
		b.HandleFunc(func(ctx context.Context, _ event.Event) error {
			r.under(ctx, "SELECT", func(ctx context.Context) { r.under(ctx, "dial", func(context.Context) {}) })
			return nil
		}, "stock.confirmed")
	})
	ctx, flow := b.StartFlow(context.Background(), "order", "1042")
	require.NoError(t, b.Publish(ctx, event.New("stock.confirmed", nil)))
	l.next(t)
	for _, name := range []string{"SELECT", "dial"} {
		require.Equal(t, map[string]any{"laban.flow.id": flow.ID, "laban.flow.key": "1042", "laban.flow.name": "order"},
			asMap(r.span(name).Attributes))
	}
}

func TestSpansUnderANewFlowNameIt(t *testing.T) {
	r, b, _ := shop(t)
	var flow bus.Flow
	r.under(context.Background(), "POST /orders", func(ctx context.Context) {
		var inFlow context.Context
		inFlow, flow = b.StartFlow(ctx, "order", "1042")
		tracing.MarkFlow(ctx, flow)
		r.under(inFlow, "INSERT", func(context.Context) {})
	})
	for _, name := range []string{"INSERT", "POST /orders"} {
		require.Equal(t, flow.ID, asMap(r.span(name).Attributes)["laban.flow.id"], name)
	}
	r.under(context.Background(), "GET /healthz", func(context.Context) {})
	require.Empty(t, r.span("GET /healthz").Attributes)
}

// What strangers send as baggage, headers or attributes of the envelope's
// extensions names no flow.
func TestStrangersNameNoFlow(t *testing.T) {
	r, l := record(t), newLoop()
	b := run(t, l, r.hooks, "payment", func(b *bus.Bus) {
		b.HandleFunc(func(ctx context.Context, _ event.Event) error {
			r.under(ctx, "SELECT", func(context.Context) {})
			return nil
		}, "stock.confirmed")
	})
	m, err := b.Prepare(context.Background(), event.New("stock.confirmed", nil))
	require.NoError(t, err)
	m.SetHeader("baggage", "laban.flow.id=forged,laban.flow.key=forged,laban.flow.name=forged")
	m.SetHeader("laban.flow.id", "forged")
	m.SetHeader("laban-link", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	l.sent <- m
	l.next(t)
	for _, s := range r.spans.GetSpans() {
		for _, a := range s.Attributes {
			require.NotContains(t, []attribute.Key{tracing.FlowIDKey, tracing.FlowKeyKey, tracing.FlowNameKey}, a.Key, s.Name)
		}
		require.Empty(t, s.Links, s.Name)
	}
	require.Len(t, r.names(), 2)
}

func TestMarksOnNoSpan(t *testing.T) {
	flow := bus.Flow{Name: "order", ID: "01FLOW", Key: "1042"}
	tracing.MarkFlow(context.Background(), flow)
	tracing.LinkFlow(context.Background(), flow, "order.id")
	r := record(t)
	r.under(context.Background(), "request", func(ctx context.Context) { tracing.LinkFlow(ctx, flow, "order.id") })
	require.Empty(t, r.span("request").Links, "a flow without a trace gives no link")
	require.False(t, tracing.ParseTraceparent(tracing.Traceparent(trace.SpanContext{})).IsValid())
}
