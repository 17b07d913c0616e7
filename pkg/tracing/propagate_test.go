package tracing_test

import (
	"context"
	"maps"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/contrib/propagators/b3"
	"go.opentelemetry.io/otel/baggage"
	tracenoop "go.opentelemetry.io/otel/trace/noop"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/pkg/tracing"
)

// shop is a bus that publishes, and the hooks' record of it.
func shop(t *testing.T, opts ...tracing.Option) (*recording, *bus.Bus, *loop) {
	t.Helper()
	r, l := record(t, opts...), newLoop()
	b, err := bus.New(bus.Config{Service: "order", Hooks: []bus.Hook{r.hooks}}, l)
	require.NoError(t, err)
	return r, b, l
}

// ways are the two ways in which an event is published: at once, and through
// storage, as an outbox does it.
func ways() map[string]func(*testing.T, *bus.Bus, context.Context, event.Event) {
	return map[string]func(*testing.T, *bus.Bus, context.Context, event.Event){
		"publish": func(t *testing.T, b *bus.Bus, ctx context.Context, e event.Event) {
			require.NoError(t, b.Publish(ctx, e))
		},
		"relay": func(t *testing.T, b *bus.Bus, ctx context.Context, e event.Event) {
			m, err := b.Prepare(ctx, e)
			require.NoError(t, err)
			stored := &bus.Message{Event: m.Event, Headers: maps.Clone(m.Headers)}
			sent := make(chan error, 1)
			b.Relay(context.Background(), stored, func(err error) { sent <- err })
			require.NoError(t, <-sent)
		},
	}
}

func TestTheStartOfAFlowIsInItsTrace(t *testing.T) {
	for way, publish := range ways() {
		t.Run(way, func(t *testing.T) {
			r, b, l := shop(t)
			var flow bus.Flow
			request := r.under(context.Background(), "POST /orders", func(ctx context.Context) {
				ctx, flow = b.StartFlow(ctx, "order", "1042")
				r.under(ctx, "transaction", func(ctx context.Context) { publish(t, b, ctx, event.New("order.placed", nil)) })
			})
			require.Equal(t, map[string]string{"traceparent": tracing.Traceparent(request)}, flow.Trace)
			span := r.span("publish events:order.placed")
			require.Equal(t, request.TraceID(), span.SpanContext.TraceID())
			require.Equal(t, r.span("transaction").SpanContext.SpanID(), span.Parent.SpanID(), "the nearest span is the parent")
			require.Empty(t, span.Links)
			require.Equal(t, map[string]string{"traceparent": tracing.Traceparent(span.SpanContext)}, l.messages()[0].Headers)
		})
	}
}

func TestWhatALaterRequestPublishesIsInTheFlowsTrace(t *testing.T) {
	for way, publish := range ways() {
		t.Run(way, func(t *testing.T) {
			r, b, l := shop(t)
			var flow bus.Flow
			placed := r.under(context.Background(), "POST /orders", func(ctx context.Context) {
				_, flow = b.StartFlow(ctx, "order", "1042")
			})
			canceled := r.under(context.Background(), "POST /orders/1042/cancel", func(ctx context.Context) {
				tracing.LinkFlow(ctx, flow, "order.id")
				ctx = bus.WithFlow(ctx, flow)
				r.under(ctx, "transaction", func(ctx context.Context) { publish(t, b, ctx, event.New("order.cancel_requested", nil)) })
			})
			span, transaction := r.span("publish events:order.cancel_requested"), r.span("transaction")
			require.Equal(t, placed.TraceID(), span.SpanContext.TraceID())
			require.Equal(t, placed.SpanID(), span.Parent.SpanID())
			require.Len(t, span.Links, 1)
			require.Equal(t, transaction.SpanContext.SpanID(), span.Links[0].SpanContext.SpanID())
			require.Equal(t, canceled.TraceID(), span.Links[0].SpanContext.TraceID())
			require.Equal(t, map[string]string{"traceparent": tracing.Traceparent(span.SpanContext)}, l.messages()[0].Headers,
				"the link stays at home")

			request := r.span("POST /orders/1042/cancel")
			require.Equal(t, map[string]any{"order.id": "1042"}, asMap(request.Attributes))
			require.Equal(t, []string{placed.SpanID().String()}, linksOf(request))
			require.NotContains(t, asMap(transaction.Attributes), "laban.flow.id", "whoever searches for the flow finds one trace")
			require.Equal(t, flow.ID, asMap(span.Attributes)["laban.flow.id"])
		})
	}
}

func TestAFlowWithoutAUsableTrace(t *testing.T) {
	for name, stored := range map[string]map[string]string{
		"none":    nil,
		"empty":   {},
		"garbage": {"traceparent": "00-xyz"},
	} {
		t.Run(name, func(t *testing.T) {
			r, b, _ := shop(t)
			request := r.under(context.Background(), "request", func(ctx context.Context) {
				ctx = bus.WithFlow(ctx, bus.Flow{Name: "order", ID: "01FLOW", Key: "1042", Trace: stored})
				require.NoError(t, b.Publish(ctx, event.New("order.cancel_requested", nil)))
			})
			span := r.span("publish events:order.cancel_requested")
			require.Equal(t, request.SpanID(), span.Parent.SpanID())
			require.Empty(t, span.Links)
		})
	}
}

// What a handler publishes is a child of its own span, also where the flow's
// own trace is known and is another: a person may have redriven the event.
func TestWhatAHandlerPublishes(t *testing.T) {
	r, l := record(t), newLoop()
	ofFlow := bus.Flow{Name: "order", Trace: map[string]string{"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}}
	other := bus.Flow{Name: "return", ID: "01OTHER", Key: "77", Trace: map[string]string{"traceparent": "00-1af7651916cd43dd8448eb211c80319c-c7ad6b7169203331-01"}}
	b := run(t, l, r.hooks, "payment", func(b *bus.Bus) {
		b.HandleFunc(func(ctx context.Context, e event.Event) error {
			ofFlow.ID = e.FlowID
			if err := b.Publish(ctx, event.New("a", nil)); err != nil {
				return err
			}
			if err := b.Publish(bus.WithFlow(ctx, ofFlow), event.New("b", nil)); err != nil {
				return err
			}
			return b.Publish(bus.WithFlow(ctx, other), event.New("c", nil))
		}, "stock.confirmed")
		b.HandleFunc(func(context.Context, event.Event) error { return nil }, "#")
	})
	ctx, _ := b.StartFlow(context.Background(), "order", "1042")
	require.NoError(t, b.Publish(ctx, event.New("stock.confirmed", nil)))
	for range 4 {
		l.next(t)
	}
	processed := r.span("process events:stock.confirmed:payment").SpanContext
	for _, name := range []string{"publish events:a", "publish events:b"} {
		require.Equal(t, processed.SpanID(), r.span(name).Parent.SpanID(), name)
		require.Empty(t, r.span(name).Links)
	}
	// Another flow's events belong into the other flow's trace.
	require.Equal(t, "c7ad6b7169203331", r.span("publish events:c").Parent.SpanID().String())
	require.Equal(t, []string{processed.SpanID().String()}, linksOf(r.span("publish events:c")))
	require.Equal(t, "01OTHER", asMap(r.span("publish events:c").Attributes)["laban.flow.id"])
}

// A relay may run under a span of its own, or under someone's baggage: neither
// has to do with what it relays.
func TestARelaysOwnContextIsLeftOut(t *testing.T) {
	r, b, l := shop(t)
	m, err := b.Prepare(context.Background(), event.New("order.placed", nil))
	require.NoError(t, err)
	member, err := baggage.NewMember("relay", "yes")
	require.NoError(t, err)
	bag, err := baggage.New(member)
	require.NoError(t, err)
	r.under(baggage.ContextWithBaggage(context.Background(), bag), "relay", func(ctx context.Context) {
		b.Relay(ctx, m, func(err error) { require.NoError(t, err) })
	})
	span := r.span("publish events:order.placed")
	require.False(t, span.Parent.IsValid())
	require.Empty(t, span.Links)
	require.NotContains(t, l.messages()[0].Headers, "baggage")
}

func TestBaggageTravels(t *testing.T) {
	for way, publish := range ways() {
		t.Run(way, func(t *testing.T) {
			_, b, l := shop(t)
			member, err := baggage.NewMember("tenant", "blue")
			require.NoError(t, err)
			bag, err := baggage.New(member)
			require.NoError(t, err)
			publish(t, b, baggage.ContextWithBaggage(context.Background(), bag), event.New("order.placed", nil))
			require.Equal(t, "tenant=blue", l.messages()[0].Headers["baggage"])
		})
	}
}

// In storage context is W3C's, on the wire whatever is configured.
func TestAnotherPropagator(t *testing.T) {
	for way, publish := range ways() {
		t.Run(way, func(t *testing.T) {
			r, b, l := shop(t, tracing.WithPropagator(b3.New()))
			request := r.under(context.Background(), "request", func(ctx context.Context) {
				publish(t, b, ctx, event.New("order.placed", nil))
			})
			span := r.span("publish events:order.placed")
			require.Equal(t, request.SpanID(), span.Parent.SpanID())
			headers := l.messages()[0].Headers
			require.Len(t, headers, 1)
			require.Contains(t, headers["b3"], span.SpanContext.SpanID().String())
			d := deliver(l.messages()[0], "delivery", 1)
			r.process(context.Background(), d, bus.Verdict{}, nil)
			require.Equal(t, span.SpanContext.SpanID(), r.span("process events:order.placed:delivery").Parent.SpanID())
		})
	}
}

// With the SDK turned off, a service still hands on the trace it is given.
func TestPassThrough(t *testing.T) {
	r := record(t, tracing.WithTracerProvider(tracenoop.NewTracerProvider()))
	in := message()
	in.Headers = map[string]string{"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
	out := message()
	r.process(context.Background(), deliver(in, "delivery", 1), bus.Verdict{}, func(ctx context.Context) { r.publish(ctx, out, nil) })
	require.Equal(t, in.Headers["traceparent"], out.Headers["traceparent"])
	require.Empty(t, r.names())
}

func TestOptionsTakeNil(t *testing.T) {
	h := tracing.NewHooks(nil, tracing.WithTracerProvider(nil), tracing.WithMeterProvider(nil), tracing.WithPropagator(nil))
	m := message()
	ctx := h.PublishStart(context.Background(), m)
	h.PublishEnd(ctx, m, 0, nil)
}
