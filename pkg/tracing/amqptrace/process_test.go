package amqptrace_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/laban-io/laban/pkg/tracing/amqptrace"
)

func TestProcess(t *testing.T) {
	r := record(t)
	d := r.send(context.Background(), amqp.Publishing{MessageId: "m-1", Headers: amqp.Table{
		"cloudEvents:flowid": "01FLOW", "cloudEvents:flowname": []byte("order"), "cloudEvents_subject": "1042",
	}}, nil)
	require.NoError(t, r.Process(context.Background(), "payment", d, func(ctx context.Context, d amqp.Delivery) error {
		r.under(ctx, "charge", func(context.Context) {})
		return d.Ack(false)
	}))
	published, span := r.span("publish shop:order.placed"), r.span("process shop:order.placed:payment")
	require.Equal(t, trace.SpanKindConsumer, span.SpanKind)
	require.Equal(t, published.SpanContext.TraceID(), span.SpanContext.TraceID())
	require.Equal(t, published.SpanContext.SpanID(), span.Parent.SpanID())
	require.Equal(t, []string{published.SpanContext.SpanID().String()}, linksOf(span))
	require.Empty(t, cmp.Diff(map[string]any{
		"messaging.system":                           "rabbitmq",
		"messaging.operation.name":                   "process",
		"messaging.operation.type":                   "process",
		"messaging.destination.name":                 "shop:order.placed:payment",
		"messaging.rabbitmq.destination.routing_key": "order.placed",
		"messaging.rabbitmq.message.delivery_tag":    int64(7),
		"server.address":                             "rabbit.example",
		"server.port":                                int64(5673),
		"messaging.message.id":                       "m-1",
		"laban.flow.id":                              "01FLOW",
		"laban.flow.name":                            "order",
		"laban.flow.key":                             "1042",
	}, asMap(span.Attributes)))
	require.Equal(t, span.SpanContext.SpanID(), r.span("charge").Parent.SpanID())
	require.Equal(t, []string{"publish shop:order.placed", "charge", "process shop:order.placed:payment"}, r.names(), "a plain ack has no span")
	require.Equal(t, []string{"ack"}, d.Acknowledger.(*settlements).told)
}

func TestProcessInAnotherSpan(t *testing.T) {
	r := record(t)
	d := r.send(context.Background(), amqp.Publishing{}, nil)
	ambient := r.under(context.Background(), "loop", func(ctx context.Context) {
		require.NoError(t, r.Process(ctx, "payment", d, func(context.Context, amqp.Delivery) error { return nil }))
	})
	published, span := r.span("publish shop:order.placed"), r.span("process shop:order.placed:payment")
	require.Equal(t, published.SpanContext.SpanID(), span.Parent.SpanID())
	require.ElementsMatch(t, []string{published.SpanContext.SpanID().String(), ambient.SpanID().String()}, linksOf(span))
}

func TestProcessFails(t *testing.T) {
	failed := errors.New("dial amqp://u:secret@h/: refused")
	r := record(t)
	d := r.send(context.Background(), amqp.Publishing{}, nil)
	require.Equal(t, failed, r.Process(context.Background(), "payment", d, func(context.Context, amqp.Delivery) error { return failed }))
	span := r.span("process shop:order.placed:payment")
	require.Equal(t, codes.Error, span.Status.Code)
	require.Equal(t, "dial amqp://REDACTED@h/: refused", span.Status.Description)
	require.Equal(t, "_OTHER", asMap(span.Attributes)["error.type"])
	require.Equal(t, "_OTHER", r.metrics()["messaging.process.duration"][0]["error.type"])
}

func TestProcessPanics(t *testing.T) {
	r := record(t)
	d := r.send(context.Background(), amqp.Publishing{}, nil)
	require.PanicsWithValue(t, "boom", func() {
		_ = r.Process(context.Background(), "payment", d, func(context.Context, amqp.Delivery) error { panic("boom") })
	})
	require.Equal(t, "panic", asMap(r.span("process shop:order.placed:payment").Attributes)["error.type"])
}

func TestSettleSpans(t *testing.T) {
	for _, c := range []struct {
		name string
		opts []amqptrace.Option
		want []string
	}{
		{"default", nil, []string{"nack", "reject"}},
		{"all", []amqptrace.Option{amqptrace.WithSettleSpans(amqptrace.SettleSpansAll)}, []string{"ack", "nack", "reject"}},
		{"none", []amqptrace.Option{amqptrace.WithSettleSpans(amqptrace.SettleSpansNone)}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := record(t, c.opts...)
			d := r.send(context.Background(), amqp.Publishing{MessageId: "m-1"}, nil)
			require.NoError(t, r.Process(context.Background(), "payment", d, func(_ context.Context, d amqp.Delivery) error {
				return errors.Join(d.Ack(true), d.Nack(false, true), d.Reject(false))
			}))
			var got []string
			for _, s := range r.spans.GetSpans() {
				if s.SpanKind != trace.SpanKindClient {
					continue
				}
				attrs := asMap(s.Attributes)
				got = append(got, attrs["messaging.operation.name"].(string))
				require.Equal(t, attrs["messaging.operation.name"].(string)+" shop:order.placed:payment", s.Name)
				require.Equal(t, "settle", attrs["messaging.operation.type"])
				require.Equal(t, "m-1", attrs["messaging.message.id"])
				require.Equal(t, r.span("process shop:order.placed:payment").SpanContext.SpanID(), s.Parent.SpanID())
			}
			require.Equal(t, c.want, got)
			require.Equal(t, []string{"ack", "nack", "reject"}, d.Acknowledger.(*settlements).told)
			require.Len(t, r.metrics()["messaging.client.operation.duration"], 4, "metrics count every one")
		})
	}
}

func TestSettleFails(t *testing.T) {
	r := record(t)
	d := r.send(context.Background(), amqp.Publishing{}, nil)
	d.Acknowledger = &settlements{err: amqp.ErrClosed}
	require.ErrorIs(t, r.Process(context.Background(), "payment", d, func(_ context.Context, d amqp.Delivery) error { return d.Reject(true) }), amqp.ErrClosed)
	require.Equal(t, "closed", asMap(r.span("reject shop:order.placed:payment").Attributes)["error.type"])
}

func TestADeliveryThatCantBeSettled(t *testing.T) {
	r := record(t)
	require.Error(t, r.Process(context.Background(), "payment", amqp.Delivery{}, func(_ context.Context, d amqp.Delivery) error { return d.Ack(false) }))
}

func TestBatch(t *testing.T) {
	r := record(t)
	one := r.send(context.Background(), amqp.Publishing{MessageId: "m-1"}, nil)
	two := r.send(context.Background(), amqp.Publishing{MessageId: "m-2"}, nil)
	untraced := amqp.Delivery{Exchange: "shop", RoutingKey: "order.placed", Acknowledger: &settlements{}}
	published := r.spans.GetSpans()
	require.NoError(t, r.ProcessBatch(context.Background(), "payment", []amqp.Delivery{one, two, untraced}, func(_ context.Context, ds []amqp.Delivery) error {
		require.Len(t, ds, 3)
		return ds[2].Nack(true, false)
	}))
	span := r.span("process shop:order.placed:payment")
	require.False(t, span.Parent.IsValid(), "a batch has no parent")
	require.Equal(t, trace.SpanKindConsumer, span.SpanKind)
	require.Equal(t, int64(3), asMap(span.Attributes)["messaging.batch.message_count"])
	require.NotContains(t, asMap(span.Attributes), "messaging.message.id")
	require.Len(t, span.Links, 2)
	for i, l := range span.Links {
		require.Equal(t, published[i].SpanContext.SpanID(), l.SpanContext.SpanID())
		require.Equal(t, []string{"m-1", "m-2"}[i], asMap(l.Attributes)["messaging.message.id"])
	}
	require.Equal(t, span.SpanContext.SpanID(), r.span("nack shop:order.placed:payment").Parent.SpanID())
	require.Equal(t, []string{"nack"}, untraced.Acknowledger.(*settlements).told)
}

func TestBatchOfManyDestinations(t *testing.T) {
	r := record(t)
	ds := []amqp.Delivery{{Exchange: "shop", RoutingKey: "a"}, {Exchange: "shop", RoutingKey: "b"}}
	ambient := r.under(context.Background(), "loop", func(ctx context.Context) {
		require.NoError(t, r.ProcessBatch(ctx, "payment", ds, func(context.Context, []amqp.Delivery) error { return nil }))
	})
	require.Equal(t, ambient.SpanID(), r.span("process payment").Parent.SpanID())
	require.NoError(t, r.ProcessBatch(context.Background(), "empty", nil, func(context.Context, []amqp.Delivery) error { return nil }))
	r.span("process empty")
}
