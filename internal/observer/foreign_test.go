package observer_test

import (
	"fmt"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/observer/config"
	"github.com/laban-io/laban/internal/observer/record"
	"github.com/laban-io/laban/internal/testenv"
	"github.com/laban-io/laban/pkg/flow"
)

const foreignShop = `
choreography: shop
starts: [OrderPlaced]
outcomes: {completed: [OrderShipped], failed: [PaymentRejected]}
reactions:
  - {service: web, emits: [OrderPlaced]}
  - {service: payment, on: [OrderPlaced], emits: [PaymentConfirmed, PaymentRejected], within: 1s}
  - {service: delivery, on: [PaymentConfirmed], emits: [OrderShipped], within: 1s}
`

// TestAForeignSystemIsObserved: publishers that know nothing of Laban are
// tracked through a tap, and a stall is explained by their queue.
func TestAForeignSystemIsObserved(t *testing.T) {
	b := testenv.RabbitMQ(t)
	ch := b.Channel(t)
	require.NoError(t, ch.ExchangeDeclare("shop.events", "topic", true, false, false, false, nil))
	b.DeclareQueue(t, "payments-q", nil)
	require.NoError(t, ch.QueueBind("payments-q", "order.#", "shop.events", false, nil))
	w := watch(t, b, options{
		management: true, contract: foreignShop, queues: map[string]string{"payment": "payments-q"},
		taps: []config.Tap{{Tap: record.Tap{
			Exchange: "shop.*", EventType: "header:event-type", Key: "body:/order/id", Causation: "header:x-causation-id",
		}}},
	})
	w.sees(t)
	require.Eventually(t, func() bool {
		s := w.Status()
		return len(s.Taps) == 1 && len(s.Taps[0].Bound) == 1
	}, patience, 50e6)

	publish := func(id, typ, order, cause string) {
		require.NoError(t, ch.PublishWithContext(t.Context(), "shop.events", "order.x", false, false, amqp.Publishing{
			MessageId: id, Headers: amqp.Table{
				"event-type": typ, "x-causation-id": cause,
				"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
			},
			Body: fmt.Appendf(nil, `{"order": {"id": %q}}`, order),
		}))
	}
	publish("1", "OrderPlaced", "1042", "")
	publish("2", "PaymentConfirmed", "1042", "1")
	publish("3", "OrderShipped", "1042", "2")
	f := w.becomes(t, "1042", flow.Completed)
	require.Equal(t, "0af7651916cd43dd8448eb211c80319c", f.TraceID)
	require.Equal(t, 3, f.Events)

	publish("4", "OrderPlaced", "1043", "")
	w.becomes(t, "1043", flow.Stalled)
	w.cause(t, "1043", flow.NoConsumer)

	// What fits no mapping is counted, and costs nothing else.
	require.NoError(t, ch.PublishWithContext(t.Context(), "shop.events", "order.x", false, false, amqp.Publishing{
		Headers: amqp.Table{"event-type": "OrderPlaced"}, Body: []byte("not JSON"),
	}))
	require.Eventually(t, func() bool { return w.Status().Malformed["not-json"] == 1 }, patience, 50e6)
	require.EqualValues(t, 5, w.Status().Taps[0].Records)
}
