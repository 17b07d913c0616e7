package amqptrace_test

import (
	"context"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/testenv"
	"github.com/laban-io/laban/pkg/tracing/amqptrace"
)

// receive waits for a delivery.
func receive(t *testing.T, deliveries <-chan amqp.Delivery) amqp.Delivery {
	t.Helper()
	select {
	case d, ok := <-deliveries:
		require.True(t, ok, "the consumer was closed")
		return d
	case <-time.After(30 * time.Second):
		require.FailNow(t, "nothing was delivered")
		return amqp.Delivery{}
	}
}

func TestOnRabbitMQ(t *testing.T) {
	broker := testenv.RabbitMQ(t)
	r := record(t, amqptrace.WithURL(broker.URL))
	connection, err := amqp.Dial(broker.URL)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, connection.Close()) })
	raw, err := connection.Channel()
	require.NoError(t, err)
	ch := r.Channel(raw)
	require.NoError(t, ch.Confirm(false))
	require.NoError(t, ch.ExchangeDeclare("shop", "topic", false, true, false, false, nil))
	queue, err := ch.QueueDeclare("payment", false, true, false, false, nil)
	require.NoError(t, err)
	require.NoError(t, ch.QueueBind(queue.Name, "order.#", "shop", false, nil))
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()

	// The four ways to publish.
	msg := amqp.Publishing{MessageId: "m-1", Body: []byte("{}")}
	require.NoError(t, ch.PublishWithContext(ctx, "shop", "order.placed", false, false, msg))
	confirmation, err := ch.PublishWithDeferredConfirmWithContext(ctx, "shop", "order.placed", false, false, msg)
	require.NoError(t, err)
	confirmed, err := confirmation.WaitContext(ctx)
	require.NoError(t, err)
	require.True(t, confirmed)
	require.NoError(t, ch.Publish("shop", "order.placed", false, false, msg))
	_, err = ch.PublishWithDeferredConfirm("shop", "order.placed", false, false, msg)
	require.NoError(t, err)
	require.Nil(t, msg.Headers)
	published := r.spans.GetSpans()
	require.Len(t, published, 4)

	deliveries, err := ch.ConsumeWithContext(ctx, queue.Name, "", false, false, false, false, nil)
	require.NoError(t, err)
	r.spans.Reset()
	require.NoError(t, r.Process(ctx, queue.Name, receive(t, deliveries), func(_ context.Context, d amqp.Delivery) error { return d.Nack(false, true) }))
	first := r.span("process shop:order.placed:payment")
	require.Equal(t, published[0].SpanContext.SpanID(), first.Parent.SpanID())
	require.Equal(t, published[0].SpanContext.TraceID(), first.SpanContext.TraceID())
	require.Equal(t, first.SpanContext.SpanID(), r.span("nack shop:order.placed:payment").Parent.SpanID())

	// It comes again in its place: a second attempt in the same trace.
	var again amqp.Delivery
	var rest []amqp.Delivery
	for len(rest) < 3 || again.Headers == nil {
		if d := receive(t, deliveries); d.Redelivered {
			again = d
		} else {
			rest = append(rest, d)
		}
	}
	r.spans.Reset()
	require.NoError(t, r.Process(ctx, queue.Name, again, func(_ context.Context, d amqp.Delivery) error { return d.Ack(false) }))
	second := r.span("process shop:order.placed:payment")
	require.Equal(t, first.SpanContext.TraceID(), second.SpanContext.TraceID())
	require.Equal(t, true, asMap(second.Attributes)["laban.redelivered"])

	r.spans.Reset()
	require.NoError(t, r.ProcessBatch(ctx, queue.Name, rest, func(_ context.Context, ds []amqp.Delivery) error {
		return ds[len(ds)-1].Ack(true)
	}))
	require.Len(t, r.span("process shop:order.placed:payment").Links, 3)
	require.Eventually(t, func() bool { return broker.Unacknowledged(t, queue.Name) == 0 }, 30*time.Second, 100*time.Millisecond)

	// Publishing on a channel that is gone.
	require.NoError(t, raw.Close())
	r.spans.Reset()
	require.ErrorIs(t, ch.PublishWithContext(ctx, "shop", "order.placed", false, false, msg), amqp.ErrClosed)
	require.Equal(t, "closed", asMap(r.span("publish shop:order.placed").Attributes)["error.type"])
}
