package amqpbus_test

import (
	"context"
	"net"
	"net/url"
	"strconv"
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

func TestAConflictingQueueIsAnErrorThatSaysWhatToDo(t *testing.T) {
	broker := testenv.RabbitMQ(t)
	ch := channel(t, broker.URL)
	_, err := ch.QueueDeclare("payment.retry.50ms", true, false, false, false, amqp.Table{
		"x-queue-type": "quorum", "x-message-ttl": 70, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "payment",
		"x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish",
	})
	require.NoError(t, err)
	b := newBus(t, open(t, broker.URL), "payment")
	b.HandleFunc(func(context.Context, event.Event) error { return nil }, "a")
	err = b.Run(t.Context())
	var conflict *amqpbus.ConflictError
	require.ErrorAs(t, err, &conflict)
	require.Equal(t, amqpbus.ConflictError{
		Kind: "queue", Name: "payment.retry.50ms", Argument: "x-message-ttl", Wanted: "50", Existing: "70", Err: conflict.Err,
	}, *conflict)
	require.ErrorContains(t, err, "delete_queue payment.retry.50ms")
}

func TestAConflictingExchangeFailsOpen(t *testing.T) {
	broker := testenv.RabbitMQ(t)
	require.NoError(t, channel(t, broker.URL).ExchangeDeclare("events", "direct", true, false, false, false, nil))
	_, err := amqpbus.Open(t.Context(), amqpbus.Config{URLs: []string{broker.URL}})
	var conflict *amqpbus.ConflictError
	require.ErrorAs(t, err, &conflict)
	require.Equal(t, "events", conflict.Name)
	require.Equal(t, "topic", conflict.Wanted)
	require.Equal(t, "direct", conflict.Existing)
}

func TestALogWithAnotherRetentionIsShared(t *testing.T) {
	broker := testenv.RabbitMQ(t)
	open(t, broker.URL)
	other := open(t, broker.URL, func(c *amqpbus.Config) { c.LogMaxAge = time.Hour; c.LogMaxBytes = 1 << 30 })
	publish(t, newBus(t, other, "payment"), "a", "1")
}

func TestRefusedAccessFailsOpenWithoutShowingThePassword(t *testing.T) {
	broker := testenv.RabbitMQ(t)
	for what, change := range map[string]func(*url.URL){
		"password":     func(u *url.URL) { u.User = url.UserPassword(u.User.Username(), "s3cret") },
		"virtual host": func(u *url.URL) { u.Path = "/no-such-vhost" },
	} {
		t.Run(what, func(t *testing.T) {
			u, err := url.Parse(broker.URL)
			require.NoError(t, err)
			change(u)
			_, err = amqpbus.Open(t.Context(), amqpbus.Config{URLs: []string{u.String()}})
			var access *amqpbus.AccessError
			require.ErrorAs(t, err, &access)
			require.NotContains(t, err.Error(), "s3cret")
		})
	}
}

func TestTheNextURLIsTriedWhereOneIsDead(t *testing.T) {
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := dead.Addr().String()
	require.NoError(t, dead.Close())
	transport := open(t, "amqp://"+address+"/", func(c *amqpbus.Config) { c.URLs = append(c.URLs, testenv.RabbitMQ(t).URL) })
	publish(t, newBus(t, transport, "payment"), "a", "1")
}

func TestAServiceMayStartBeforeItsBroker(t *testing.T) {
	broker := testenv.RabbitMQ(t)
	w := wireTo(t, broker.URL)
	w.set(true)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	transport, err := amqpbus.Open(ctx, amqpbus.Config{URLs: []string{w.url}, MaxBackoff: 50 * time.Millisecond, PublishTimeout: time.Minute})
	require.NoError(t, err)
	defer transport.Close(context.Background())
	require.Error(t, transport.Ready())
	b := newBus(t, transport, "payment")
	require.ErrorIs(t, b.Publish(ctx, event.New("a", nil)), context.DeadlineExceeded)

	waiting := make(chan error, 1)
	b.PublishAsync(t.Context(), event.New("a", nil), func(err error) { waiting <- err })
	w.set(false)
	require.NoError(t, <-waiting)
	require.NoError(t, transport.Ready())
}

// A broker that answers heartbeats, and no declaration.
func TestABrokerThatAnswersNoDeclarationIsAskedAnew(t *testing.T) {
	broker := testenv.RabbitMQ(t)
	open(t, broker.URL) // so that all is declared, and asking again is quick
	w := wireTo(t, broker.URL)
	w.setMute(true)
	cfg := amqpbus.Config{URLs: []string{w.url}, MaxBackoff: 50 * time.Millisecond, PublishTimeout: time.Minute}
	amqpbus.SetSetupTimeout(&cfg, time.Second)
	transport, err := amqpbus.Open(expired(t, 50*time.Millisecond), cfg)
	require.NoError(t, err, "it goes on trying")
	defer transport.Close(context.Background())
	untilItSays(t, transport, "the broker did not answer for 1s")
	w.setMute(false)
	require.Eventually(t, func() bool { return transport.Ready() == nil }, 20*time.Second, 10*time.Millisecond)
	publish(t, newBus(t, transport, "payment"), "a", "1")
}

// untilItSays waits for the reason that a transport gives for not being ready.
func untilItSays(t *testing.T, transport *amqpbus.Transport, why string) {
	t.Helper()
	var said error
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); <-time.After(time.Millisecond) {
		if said = transport.Ready(); said != nil && strings.Contains(said.Error(), why) {
			return
		}
	}
	require.ErrorContains(t, said, why)
}

func TestCloseWaitsForNoDeclaration(t *testing.T) {
	w := wireTo(t, testenv.RabbitMQ(t).URL)
	w.setMute(true)
	transport, err := amqpbus.Open(expired(t, 200*time.Millisecond), amqpbus.Config{URLs: []string{w.url}})
	require.NoError(t, err)
	within(t, 20*time.Second, func() { require.NoError(t, transport.Close(t.Context())) })
}

func TestConfigurationIsChecked(t *testing.T) {
	for name, c := range map[string]struct {
		cfg  amqpbus.Config
		want string
	}{
		"no URL":      {amqpbus.Config{}, "URLs is empty"},
		"bad URL":     {amqpbus.Config{URLs: []string{"http://u:s3cret@host/"}}, "URL http://u@host/"},
		"negative":    {amqpbus.Config{URLs: []string{"amqp://host/"}, Window: -1}, "Window is negative"},
		"bad backoff": {amqpbus.Config{URLs: []string{"amqp://host/"}, MinBackoff: time.Minute}, "MaxBackoff 5s is below MinBackoff 1m0s"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := amqpbus.Open(t.Context(), c.cfg)
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), "s3cret")
		})
	}
}

func TestInfoTellsWhereEventsGo(t *testing.T) {
	broker := testenv.RabbitMQ(t)
	u, err := url.Parse(broker.URL)
	require.NoError(t, err)
	info := open(t, broker.URL).Info()
	require.Equal(t, &bus.Info{System: "rabbitmq", Exchange: "events", Host: u.Hostname(), Port: info.Port}, info)
	require.Equal(t, u.Port(), strconv.Itoa(info.Port))
}
