package testenv_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/testenv"
)

// patience is how long a test waits for what must happen.
const patience = 20 * time.Second

func publish(t *testing.T, ch *amqp.Channel, queue string, messages int) {
	t.Helper()
	require.NoError(t, ch.Confirm(false))
	for range messages {
		confirm, err := ch.PublishWithDeferredConfirmWithContext(t.Context(), "", queue, false, false,
			amqp.Publishing{Body: []byte("x"), DeliveryMode: amqp.Persistent})
		require.NoError(t, err)
		acked, err := confirm.WaitContext(t.Context())
		require.NoError(t, err)
		require.True(t, acked)
	}
}

func TestEachTestHasAVHostOfItsOwn(t *testing.T) {
	a, b := testenv.RabbitMQ(t), testenv.RabbitMQ(t)
	require.NotEqual(t, a.URL, b.URL)

	a.DeclareQueue(t, "q", nil)
	require.True(t, a.QueueExists(t, "q"))
	require.False(t, b.QueueExists(t, "q"))
}

func TestAVHostGoesWithItsTest(t *testing.T) {
	broker := testenv.RabbitMQ(t)
	var conn *amqp.Connection
	t.Run("uses it", func(t *testing.T) {
		broker = testenv.RabbitMQ(t)
		var err error
		conn, err = amqp.Dial(broker.URL)
		require.NoError(t, err)
	})
	// The connection that was left open is closed by the broker.
	require.Eventually(t, conn.IsClosed, patience, 10*time.Millisecond)
	_, err := amqp.Dial(broker.URL)
	require.Error(t, err)
}

func TestQueuesCanBeInspected(t *testing.T) {
	broker := testenv.RabbitMQ(t)
	broker.DeclareQueue(t, "q", amqp.Table{"x-queue-type": "quorum"})
	ch := broker.Channel(t)
	publish(t, ch, "q", 3)
	require.Eventually(t, func() bool { return broker.QueueLength(t, "q") == 3 }, patience, 10*time.Millisecond)
	require.Zero(t, broker.Consumers(t, "q"))

	require.NoError(t, ch.Qos(1, 0, false))
	deliveries, err := ch.ConsumeWithContext(t.Context(), "q", "", false, false, false, false, nil)
	require.NoError(t, err)
	<-deliveries
	require.Equal(t, 1, broker.Consumers(t, "q"))
	require.Eventually(t, func() bool { return broker.QueueLength(t, "q") == 2 }, patience, 10*time.Millisecond)
	require.Eventually(t, func() bool { return broker.Unacknowledged(t, "q") == 1 }, patience, 50*time.Millisecond)

	require.Equal(t, 2, broker.PurgeQueue(t, "q"))
	broker.DeleteQueue(t, "q")
	require.False(t, broker.QueueExists(t, "q"))
	require.Zero(t, broker.DeleteQueue(t, "q"), "deleting what is not there is no error")
}

func TestStreamsWork(t *testing.T) {
	broker := testenv.RabbitMQ(t)
	broker.DeclareQueue(t, "log", amqp.Table{"x-queue-type": "stream"})
	ch := broker.Channel(t)
	publish(t, ch, "log", 2)
	require.NoError(t, ch.Qos(10, 0, false))
	deliveries, err := ch.ConsumeWithContext(t.Context(), "log", "", false, false, false, false, amqp.Table{"x-stream-offset": "first"})
	require.NoError(t, err)
	for want := range int64(2) {
		require.Equal(t, want, (<-deliveries).Headers["x-stream-offset"])
	}
}

func TestTheVHostsConnectionsCanBeClosed(t *testing.T) {
	broker, other := testenv.RabbitMQ(t), testenv.RabbitMQ(t)
	conn, err := amqp.Dial(broker.URL)
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	bystander, err := amqp.Dial(other.URL)
	require.NoError(t, err)
	defer func() { _ = bystander.Close() }()
	closed := conn.NotifyClose(make(chan *amqp.Error, 1))

	require.Equal(t, 1, broker.CloseConnections(t))
	reason := <-closed
	require.NotNil(t, reason)
	require.Equal(t, amqp.ConnectionForced, reason.Code)
	require.False(t, bystander.IsClosed())

	// However long the others are there, the newest is among them.
	for n := range 4 {
		old, err := amqp.Dial(broker.URL)
		require.NoError(t, err)
		<-time.After(time.Duration(n+1) * 100 * time.Millisecond)
		young, err := amqp.Dial(broker.User(t, ".*", ".*", ".*"))
		require.NoError(t, err)
		_, err = young.Channel()
		require.NoError(t, err)
		closed := [...]chan *amqp.Error{old.NotifyClose(make(chan *amqp.Error, 1)), young.NotifyClose(make(chan *amqp.Error, 1))}
		require.Equal(t, 2, broker.CloseConnections(t))
		for _, c := range closed {
			select {
			case <-c:
			case <-time.After(patience):
				require.Fail(t, "a connection is open")
			}
		}
	}
}

func TestAPrivateNodeCanFail(t *testing.T) {
	broker := testenv.PrivateRabbitMQ(t)
	broker.DeclareQueue(t, "q", amqp.Table{"x-queue-type": "quorum"})
	publish(t, broker.Channel(t), "q", 2)

	broker.Kill(t)
	_, err := amqp.Dial(broker.URL)
	require.Error(t, err)
	broker.Start(t)
	require.Eventually(t, func() bool { return broker.QueueLength(t, "q") == 2 }, patience, 50*time.Millisecond,
		"what was confirmed is there after a crash")

	broker.Restart(t)
	require.Eventually(t, func() bool { return broker.QueueLength(t, "q") == 2 }, patience, 50*time.Millisecond)

	conn, err := amqp.Dial(broker.URL)
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	blocked := conn.NotifyBlocked(make(chan amqp.Blocking, 2))
	ch, err := conn.Channel()
	require.NoError(t, err)
	publish(t, ch, "q", 1)
	broker.SetMemoryAlarm(t, true)
	require.NoError(t, ch.PublishWithContext(t.Context(), "", "q", false, false, amqp.Publishing{Body: []byte("x")}))
	require.True(t, (<-blocked).Active)
	broker.SetMemoryAlarm(t, false)
	require.False(t, (<-blocked).Active)
}

func TestTheManagementAPIAnswers(t *testing.T) {
	broker := testenv.RabbitMQ(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, broker.ManagementURL+"/api/vhosts/"+broker.VHost, http.NoBody)
	require.NoError(t, err)
	resp, err := oneShot.Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusOK, resp.StatusCode)
}
