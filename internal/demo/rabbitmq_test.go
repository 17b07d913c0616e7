package demo

import (
	"context"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/testenv"
	"github.com/laban-io/laban/pkg/amqpbus"
	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
)

func TestEveryFateEndsRightOnRabbitMQ(t *testing.T) {
	broker := testenv.RabbitMQ(t)
	out := &output{}
	cfg := sixty(out)
	cfg.AMQP = broker.URL
	r, err := Run(t.Context(), nil, cfg)
	requireRight(t, r, err, out)
	require.NotContains(t, out.String(), "earlier run")

	// Another run leaves messages behind: an order that was placed, and one
	// that nobody could lose any more.
	leaveBehind(t, broker.URL)
	out = &output{}
	cfg.Out, cfg.Seed = out, 2
	r, err = Run(t.Context(), nil, cfg)
	requireRight(t, r, err, out)
	require.Contains(t, out.String(), "! 2 messages of an earlier run wait in the services' queues; they are handled, and not counted")
}

// leaveBehind publishes an order of another run. Inventory and notification
// are not there to hear of it.
func leaveBehind(t *testing.T, url string) {
	t.Helper()
	transport, err := amqpbus.Open(t.Context(), amqpbus.Config{URLs: []string{url}})
	require.NoError(t, err)
	defer func() { require.NoError(t, transport.Close(context.WithoutCancel(t.Context()))) }()
	b, err := bus.New(bus.Config{Service: "order"}, transport)
	require.NoError(t, err)
	id := event.NewID()
	ctx, _ := b.StartFlow(t.Context(), "order", id)
	require.NoError(t, b.Publish(ctx, event.New("order.placed", map[string]any{
		"order_id": id, "customer_email": customers{run: "another"}.address(1), "amount": 1250, "currency": "EUR",
		"items":         []map[string]any{{"sku": "mug", "quantity": 1, "unit_price": 1250}},
		"payment_token": "tok_approved", "ship_to": "12 Mill Lane",
	})))
}

func TestAMisspeltTypeIsFoundOnRabbitMQ(t *testing.T) {
	out := &output{}
	cfg := sixty(out)
	cfg.AMQP = testenv.RabbitMQ(t).URL
	cfg.Orders, cfg.Mix, cfg.Timeout, cfg.checkLimit = 3, Mix{Approved: 1}, 4*time.Second, 100*time.Millisecond
	cfg.wrapTransport = func(service string, transport bus.Transport) bus.Transport {
		if service != "inventory" {
			return transport
		}
		return misspelling{transport, "stock.confirmed", "stock.confirmd"}
	}
	_, err := Run(t.Context(), nil, cfg)
	require.ErrorIs(t, err, ErrFailed)
	require.Contains(t, out.String(), `3× "stock.confirmd" was emitted, which no service listens to`)
}

func TestQueuesThatOthersConsumeAreLeftAlone(t *testing.T) {
	broker := testenv.RabbitMQ(t)
	broker.DeclareQueue(t, "payment", nil)
	_, err := broker.Channel(t).Consume("payment", "", false, false, false, false, nil)
	require.NoError(t, err)
	_, err = Run(t.Context(), nil, Config{AMQP: broker.URL, Out: &output{}})
	require.ErrorContains(t, err, `somebody consumes the queue "payment" already`)
	require.ErrorContains(t, err, "rabbitmqctl add_vhost")
}

func TestLostMessagesAreCountedFromTheStart(t *testing.T) {
	broker := testenv.RabbitMQ(t)
	r, err := newRabbitMQ(broker.URL)
	require.NoError(t, err)
	transport, err := r.open(t.Context(), "test", slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	defer func() { require.NoError(t, transport.Close(context.WithoutCancel(t.Context()))) }()

	ch := broker.Channel(t)
	lose := func() {
		require.NoError(t, ch.PublishWithContext(t.Context(), "events.lost", "", true, false, amqpMessage()))
	}
	lose()
	require.Eventually(t, func() bool { return broker.QueueLength(t, lostQueue) == 1 }, 10*time.Second, 20*time.Millisecond)
	left, err := r.leftovers(t.Context(), []string{"order"})
	require.NoError(t, err)
	require.Empty(t, left)
	n, err := r.lost(t.Context())
	require.NoError(t, err)
	require.Zero(t, n, "that one was lost before")
	lose()
	lose()
	require.Eventually(t, func() bool {
		n, err := r.lost(t.Context())
		return err == nil && n == 2
	}, 10*time.Second, 20*time.Millisecond)
}

func TestAVirtualHostThatIsNotThereIsSaid(t *testing.T) {
	url := testenv.RabbitMQ(t).URL
	url = url[:strings.LastIndexByte(url, '/')] + "/nowhere"
	_, err := Run(t.Context(), nil, Config{AMQP: url, Out: &output{}})
	require.ErrorContains(t, err, "virtual host")
	requireNoPassword(t, url, err.Error())
}

func TestABrokerThatDoesNotAnswerIsSaid(t *testing.T) {
	if testing.Short() {
		t.Skip("it waits for a broker in vain")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := l.Addr().String()
	require.NoError(t, l.Close())
	out := &output{}
	begin := time.Now()
	ended := make(chan error, 1)
	go func() {
		_, err := Run(t.Context(), nil, Config{AMQP: "amqp://guest:secret@" + address + "/", Out: out})
		ended <- err
	}()
	require.Eventually(t, func() bool { return strings.Contains(out.String(), "waiting up to 5s") }, 30*time.Second, 10*time.Millisecond)
	require.Contains(t, out.String(), "connection refused", "why is said at once")
	err = <-ended
	require.Less(t, time.Since(begin), 30*time.Second)
	require.Equal(t, 1, strings.Count(out.String(), "waiting up to"))
	require.ErrorContains(t, err, "RabbitMQ at amqp://guest@"+address+"/ does not answer")
	require.ErrorContains(t, err, "connection refused")
	require.ErrorContains(t, err, "Without --amqp")
	require.NotContains(t, out.String()+err.Error(), "secret")
}

func amqpMessage() amqp.Publishing {
	return amqp.Publishing{DeliveryMode: amqp.Persistent, Body: []byte("lost")}
}

func requireNoPassword(t *testing.T, url, text string) {
	t.Helper()
	uri, err := amqp.ParseURI(url)
	require.NoError(t, err)
	require.NotContains(t, text, uri.Password)
}
