package amqptrace_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/laban-io/laban/pkg/tracing/amqptrace"
)

func TestPublish(t *testing.T) {
	r := record(t)
	shared := amqp.Table{"tenant": "blue"}
	msg := amqp.Publishing{Headers: shared, MessageId: "m-1", CorrelationId: "c-1"}
	var d amqp.Delivery
	parent := r.under(context.Background(), "request", func(ctx context.Context) { d = r.send(ctx, msg, nil) })

	span := r.span("publish shop:order.placed")
	require.Equal(t, trace.SpanKindProducer, span.SpanKind)
	require.Equal(t, parent.SpanID(), span.Parent.SpanID())
	require.Empty(t, span.Links)
	require.Equal(t, codes.Unset, span.Status.Code)
	require.Empty(t, cmp.Diff(map[string]any{
		"messaging.system":                           "rabbitmq",
		"messaging.operation.name":                   "publish",
		"messaging.operation.type":                   "send",
		"messaging.destination.name":                 "shop:order.placed",
		"messaging.rabbitmq.destination.routing_key": "order.placed",
		"server.address":                             "rabbit.example",
		"server.port":                                int64(5673),
		"messaging.message.id":                       "m-1",
		"messaging.message.conversation_id":          "c-1",
	}, asMap(span.Attributes)))
	require.Equal(t, amqp.Table{"tenant": "blue"}, shared, "the caller's table is left alone")
	require.Equal(t, "blue", d.Headers["tenant"])
	require.Contains(t, d.Headers["traceparent"], span.SpanContext.SpanID().String())
}

func TestPublishWithoutHeaders(t *testing.T) {
	r := record(t)
	require.Contains(t, r.send(context.Background(), amqp.Publishing{}, nil).Headers, "traceparent")
}

// A message that is handed on with its headers keeps what it was created in.
func TestPublishKeepsACreationContext(t *testing.T) {
	r := record(t)
	const created = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	d := r.send(context.Background(), amqp.Publishing{Headers: amqp.Table{"traceparent": created}}, nil)
	require.Equal(t, amqp.Table{"traceparent": created}, d.Headers)
	span := r.span("publish shop:order.placed")
	require.Equal(t, trace.SpanKindClient, span.SpanKind)
	require.Equal(t, []string{"b7ad6b7169203331"}, linksOf(span))
}

func TestPublishFailures(t *testing.T) {
	for want, err := range map[string]error{
		"closed":              amqp.ErrClosed,
		"not-found":           &amqp.Error{Code: amqp.NotFound, Reason: "no exchange"},
		"precondition-failed": &amqp.Error{Code: amqp.PreconditionFailed},
		"_OTHER":              errors.New("anything"),
		"canceled":            context.Canceled,
	} {
		t.Run(want, func(t *testing.T) {
			r := record(t)
			r.send(context.Background(), amqp.Publishing{}, err)
			span := r.span("publish shop:order.placed")
			require.Equal(t, codes.Error, span.Status.Code)
			require.Equal(t, want, asMap(span.Attributes)["error.type"])
			sent := r.metrics()["messaging.client.sent.messages"]
			require.Len(t, sent, 1)
			require.Equal(t, want, sent[0]["error.type"])
		})
	}
}

func TestOptionsTakeNil(t *testing.T) {
	tracer := amqptrace.New(nil, amqptrace.WithTracerProvider(nil), amqptrace.WithMeterProvider(nil), amqptrace.WithPropagator(nil), amqptrace.WithURL("::"))
	tracer.Publish(context.Background(), "", "", &amqp.Publishing{})(nil)
}

func TestMetrics(t *testing.T) {
	r := record(t)
	d := r.send(context.Background(), amqp.Publishing{}, nil)
	r.send(context.Background(), amqp.Publishing{Headers: d.Headers}, nil)
	require.NoError(t, r.Process(context.Background(), "payment", d, func(_ context.Context, d amqp.Delivery) error { return d.Ack(false) }))
	require.NoError(t, r.ProcessBatch(context.Background(), "payment", []amqp.Delivery{d, d}, func(context.Context, []amqp.Delivery) error { return nil }))
	got := r.metrics()
	broker := func(more map[string]any) map[string]any {
		more["messaging.system"], more["server.address"], more["server.port"] = "rabbitmq", "rabbit.example", int64(5673)
		return more
	}
	require.Empty(t, cmp.Diff(map[string][]map[string]any{
		"messaging.client.operation.duration": {
			broker(map[string]any{"value": int64(2), "messaging.operation.name": "publish", "messaging.operation.type": "send", "messaging.destination.name": "shop:order.placed"}),
			broker(map[string]any{"value": int64(1), "messaging.operation.name": "ack", "messaging.operation.type": "settle", "messaging.destination.name": "shop:order.placed:payment"}),
		},
		// One of the two kept its creation context: both count.
		"messaging.client.sent.messages": {
			broker(map[string]any{"value": int64(2), "messaging.operation.name": "publish", "messaging.destination.name": "shop:order.placed"}),
		},
		"messaging.client.consumed.messages": {
			broker(map[string]any{"value": int64(3), "messaging.operation.name": "process", "messaging.destination.name": "shop:order.placed:payment"}),
		},
		"messaging.process.duration": {
			broker(map[string]any{"value": int64(2), "messaging.operation.name": "process", "messaging.destination.name": "shop:order.placed:payment"}),
		},
	}, got, cmpopts.SortSlices(func(a, b map[string]any) bool {
		return a["messaging.operation.name"].(string) < b["messaging.operation.name"].(string)
	})))
}
