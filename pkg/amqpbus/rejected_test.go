package amqpbus_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/testenv"
	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
)

// A message that a full queue rejected is not taken for confirmed, although the
// broker acknowledges others around it, many at a time.
func TestAMessageThatAQueueRejectedIsNeverConfirmed(t *testing.T) {
	broker := testenv.RabbitMQ(t)
	transport := open(t, broker.URL)
	ch := channel(t, broker.URL)
	for queue, args := range map[string]amqp.Table{
		"roomy": {"x-queue-type": "quorum"},
		"full":  {"x-queue-type": "quorum", "x-max-length": 0, "x-overflow": "reject-publish"},
	} {
		_, err := ch.QueueDeclare(queue, true, false, false, false, args)
		require.NoError(t, err)
		require.NoError(t, ch.QueueBind(queue, queue, "events.route", false, nil))
	}
	const messages = 400
	type end struct {
		key string
		err error
	}
	ends := make(chan end, messages)
	send := func(ctx context.Context, i int, key string) {
		e := event.New(key, nil)
		e.ID, e.Source, e.Time = fmt.Sprint(key, i), "shop", time.Now()
		transport.Send(ctx, &bus.Message{Event: e, RoutingKey: key}, func(err error) { ends <- end{key, err} })
	}
	// A queue that is full takes one or two more before it says so.
	const unsaid = 4
	ctx := expired(t, time.Second)
	for i := range unsaid {
		send(ctx, i, "full")
	}
	for range unsaid {
		<-ends
	}
	taken := broker.QueueLength(t, "full")
	ctx, soon := expired(t, time.Minute), expired(t, 4*time.Second)
	for i := range messages / 2 {
		send(ctx, i, "roomy")
		send(soon, i, "full")
	}
	for range messages {
		if e := <-ends; e.key == "roomy" {
			require.NoError(t, e.err)
		} else {
			require.ErrorIs(t, e.err, bus.ErrRejected)
		}
	}
	require.Equal(t, taken, broker.QueueLength(t, "full"))
	require.Equal(t, messages/2, broker.QueueLength(t, "roomy"))
}
