package e2e

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"
)

// channel returns one to the stack's broker.
func (s system) channel(t *testing.T) *amqp.Channel {
	t.Helper()
	conn, err := amqp.DialConfig(s.AMQPURL(), amqp.Config{Dial: amqp.DefaultDial(10 * time.Second)})
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	ch, err := conn.Channel()
	require.NoError(t, err)
	require.NoError(t, ch.Confirm(false))
	return ch
}

// publish publishes a message as a program does that does not use package bus,
// and waits until the broker has it.
func publish(t *testing.T, ch *amqp.Channel, key string, m amqp.Publishing) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	m.MessageId, m.Type, m.DeliveryMode = rand.Text(), key, amqp.Persistent
	confirmed, err := ch.PublishWithDeferredConfirmWithContext(ctx, "events", key, false, false, m)
	require.NoError(t, err)
	acked, err := confirmed.WaitContext(ctx)
	require.NoError(t, err)
	require.True(t, acked)
}

// breakThings makes one of each fault that services and people make, in a system
// that is well.
func (s system) breakThings(t *testing.T, v *viewer) {
	t.Helper()
	ch := s.channel(t)
	// A type that is misspelt: no service is bound to it.
	publish(t, ch, "payment.confrimed", amqp.Publishing{})
	// A message that no service can read, and somebody has deleted the queue in
	// which payment would park it.
	_, err := ch.QueueDelete("payment.parked", false, false, false)
	require.NoError(t, err)
	publish(t, ch, "delivery.failed", amqp.Publishing{ContentType: "application/json", Body: []byte(`{"order_id": `)})
	// A queue that somebody bound and nobody consumes.
	_, err = ch.QueueDeclare("invoicing", true, false, false, false, nil)
	require.NoError(t, err)
	require.NoError(t, ch.QueueBind("invoicing", "order.placed", "events.route", false, nil))
	// A row that was damaged in notification's outbox.
	conn, err := pgx.Connect(t.Context(), s.DatabaseURL("notification"))
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), `INSERT INTO outbox (event_id, type, order_key, envelope, headers, created_at)
		VALUES ('damaged', 'notification.sent', 'damaged', '[]', '{}', extract(epoch FROM now()) * 1000000)`)
	require.NoError(t, err)
	require.NoError(t, conn.Close(t.Context()))
	// A delivery that cancels what it has shipped.
	var key, flow string
	require.NoError(t, v.ledger.QueryRow(t.Context(), "SELECT key, id FROM flows WHERE status = 'completed' ORDER BY key LIMIT 1").Scan(&key, &flow))
	body, err := json.Marshal(map[string]string{"order_id": key, "customer_email": "ada@example.com"})
	require.NoError(t, err)
	publish(t, ch, "order.canceled", amqp.Publishing{
		ContentType: "application/json", CorrelationId: flow, AppId: "delivery", Timestamp: time.Now(), Body: body,
		Headers: amqp.Table{
			"cloudEvents:specversion": "1.0", "cloudEvents:id": rand.Text(), "cloudEvents:source": "delivery", "cloudEvents:type": "order.canceled",
			"cloudEvents:subject": key, "cloudEvents:time": time.Now().UTC().Format(time.RFC3339Nano), "cloudEvents:flowname": "order", "cloudEvents:flowid": flow,
		},
	})
	t.Logf("order %s is shipped and canceled", key)
}

// block has the broker take nothing from publishers, or lets it again.
func (s system) block(t *testing.T, on bool) {
	t.Helper()
	watermark := "0.4" // RabbitMQ's default
	if on {
		watermark = "0" // is documented to block all publishing
	}
	_, err := s.Control(t.Context(), "set_vm_memory_high_watermark", watermark)
	require.NoError(t, err)
}
