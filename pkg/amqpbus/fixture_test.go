package amqpbus_test

import (
	"context"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/amqpbus"
)

// open opens a transport that the test closes in the end.
func open(t testing.TB, url string, change ...func(*amqpbus.Config)) *amqpbus.Transport {
	t.Helper()
	cfg := amqpbus.Config{URLs: []string{url}, Name: t.Name(), MaxBackoff: time.Second}
	for _, c := range change {
		c(&cfg)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	transport, err := amqpbus.Open(ctx, cfg)
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = transport.Close(ctx) // a test that leaves the broker blocked can't have all confirmed
	})
	return transport
}

// channel opens a plain channel, as a program without this library would.
func channel(t testing.TB, url string) *amqp.Channel {
	t.Helper()
	conn, err := amqp.Dial(url)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	ch, err := conn.Channel()
	require.NoError(t, err)
	return ch
}
