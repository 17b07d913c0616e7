package amqpbus_test

import (
	"errors"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/testenv"
	"github.com/laban-io/laban/pkg/amqpbus"
	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/bus/bustest"
	"github.com/laban-io/laban/pkg/event"
)

func TestTransport(t *testing.T) {
	bustest.Run(t, bustest.Harness{
		New:        func(t testing.TB) bustest.Broker { return newBroker(t, testenv.RabbitMQ(t)) },
		NewPrivate: func(t testing.TB) bustest.Broker { return newBroker(t, testenv.PrivateRabbitMQ(t)) },
		Features:   bustest.Features{CutConnections: true, Restart: true, Block: true, DeleteQueue: true},
	})
}

// broker lets the suite use a virtual host of a real RabbitMQ.
type broker struct{ *testenv.Broker }

// newBroker returns a broker with the shared topology, so that the suite can
// look into it before any service has started.
func newBroker(t testing.TB, b *testenv.Broker) *broker {
	require.NoError(t, open(t, b.URL).Close(t.Context()))
	return &broker{b}
}

func (b *broker) Open(t testing.TB) bus.Transport { return open(t, b.URL) }

func (b *broker) PublishRaw(t testing.TB, m event.Binary) {
	ch := channel(t, b.URL)
	require.NoError(t, ch.Confirm(false))
	confirm, err := ch.PublishWithDeferredConfirm("events", m.RoutingKey, false, false, amqp.Publishing{
		MessageId: m.MessageID, Type: m.Type, CorrelationId: m.CorrelationID, AppId: m.AppID,
		ContentType: m.ContentType, Timestamp: m.Timestamp, Headers: m.Headers, Body: m.Body,
	})
	require.NoError(t, err)
	require.True(t, confirm.Wait())
}

// browse reads a queue and leaves everything in it. A queue that was deleted
// has nothing.
func (b *broker) browse(t testing.TB, queue string) []bus.Message {
	ch := channel(t, b.URL)
	defer ch.Close()
	var all []bus.Message
	for {
		d, ok, err := ch.Get(queue, false)
		var amqpErr *amqp.Error
		if errors.As(err, &amqpErr) && amqpErr.Code == amqp.NotFound {
			return nil
		}
		require.NoError(t, err)
		if !ok {
			return all
		}
		m, _ := amqpbus.Decode(&d)
		all = append(all, m)
	}
}

func (b *broker) Parked(t testing.TB, service string) []bus.Message {
	return b.browse(t, amqpbus.ParkedQueue(service))
}

func (b *broker) Lost(t testing.TB) []bus.Message { return b.browse(t, "events.lost") }

func (b *broker) Unrouted(t testing.TB) []bus.Message {
	ch := channel(t, b.URL)
	defer ch.Close()
	require.NoError(t, ch.Qos(100, 0, false))
	deliveries, err := ch.Consume("events.unrouted", "", false, false, false, false, amqp.Table{"x-stream-offset": "first"})
	require.NoError(t, err)
	var all []bus.Message
	for {
		select {
		case d := <-deliveries:
			m, _ := amqpbus.Decode(&d)
			all = append(all, m)
			require.NoError(t, d.Ack(false))
		case <-time.After(250 * time.Millisecond): // a stream does not say where it ends; the suite asks again
			return all
		}
	}
}

func (b *broker) DeleteQueue(t testing.TB, service string, q bustest.Queue) {
	name := service
	if level, ok := q.RetryLevel(); ok {
		name = amqpbus.RetryQueue(service, level)
	} else if q.IsParked() {
		name = amqpbus.ParkedQueue(service)
	}
	_, err := channel(t, b.URL).QueueDelete(name, false, false, false)
	require.NoError(t, err)
}

func (b *broker) CutConnections(t testing.TB) { b.CloseConnections(t) }

func (b *broker) Block(t testing.TB, blocked bool) { b.SetMemoryAlarm(t, blocked) }

func (b *broker) Restart(t testing.TB) { b.Broker.Restart(t) }
