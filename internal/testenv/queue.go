package testenv

import (
	"errors"
	"net/http"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Channel returns a channel on a connection of its own, for whatever a test
// wants to see or do beside the code it tests. Both are closed when the test
// has ended; until then their goroutines run.
func (b *Broker) Channel(t testing.TB) *amqp.Channel {
	t.Helper()
	conn, ch := b.open(t)
	t.Cleanup(func() { _ = conn.Close() })
	return ch
}

func (b *Broker) open(t testing.TB) (*amqp.Connection, *amqp.Channel) {
	t.Helper()
	conn, err := amqp.Dial(b.URL)
	if err != nil {
		t.Fatalf("connect to RabbitMQ: %v", err)
	}
	ch, err := conn.Channel()
	if err != nil {
		_ = conn.Close()
		t.Fatalf("open a channel: %v", err)
	}
	return conn, ch
}

// with runs f with a channel that is closed after it.
func (b *Broker) with(t testing.TB, f func(*amqp.Channel) error) error {
	t.Helper()
	conn, ch := b.open(t)
	defer func() { _ = conn.Close() }()
	return f(ch)
}

// inspect returns the queue's state, and whether there is such a queue.
func (b *Broker) inspect(t testing.TB, queue string) (amqp.Queue, bool) {
	t.Helper()
	var q amqp.Queue
	err := b.with(t, func(ch *amqp.Channel) (err error) {
		q, err = ch.QueueDeclarePassive(queue, true, false, false, false, nil)
		return err
	})
	var refused *amqp.Error
	if errors.As(err, &refused) && refused.Code == amqp.NotFound {
		return amqp.Queue{}, false
	}
	if err != nil {
		t.Fatalf("inspect queue %s: %v", queue, err)
	}
	return q, true
}

// QueueExists tells whether there is such a queue.
func (b *Broker) QueueExists(t testing.TB, queue string) bool {
	t.Helper()
	_, exists := b.inspect(t, queue)
	return exists
}

// QueueLength returns how many messages are ready in the queue: those that a
// consumer holds don't count. A queue that does not exist fails the test.
func (b *Broker) QueueLength(t testing.TB, queue string) int {
	t.Helper()
	return b.mustInspect(t, queue).Messages
}

// Consumers returns how many consumers the queue has. A queue that does not
// exist fails the test.
func (b *Broker) Consumers(t testing.TB, queue string) int {
	t.Helper()
	return b.mustInspect(t, queue).Consumers
}

func (b *Broker) mustInspect(t testing.TB, queue string) amqp.Queue {
	t.Helper()
	q, exists := b.inspect(t, queue)
	if !exists {
		t.Fatalf("there is no queue %s", queue)
	}
	return q
}

// Unacknowledged returns how many messages of the queue are delivered and not
// settled. The figure comes from the management API and may be a second or two
// old.
func (b *Broker) Unacknowledged(t testing.TB, queue string) int {
	t.Helper()
	var q struct {
		Unacknowledged int `json:"messages_unacknowledged"`
	}
	if err := b.management.call(t.Context(), http.MethodGet, nil, &q, "queues", b.VHost, queue); err != nil {
		t.Fatalf("inspect queue %s: %v", queue, err)
	}
	return q.Unacknowledged
}

// DeclareQueue declares a durable queue.
func (b *Broker) DeclareQueue(t testing.TB, queue string, args amqp.Table) {
	t.Helper()
	err := b.with(t, func(ch *amqp.Channel) error {
		_, err := ch.QueueDeclare(queue, true, false, false, false, args)
		return err
	})
	if err != nil {
		t.Fatalf("declare queue %s: %v", queue, err)
	}
}

// DeleteQueue deletes a queue with all that is in it, whether it is in use or
// not, and returns how many messages that were. A queue that does not exist is
// no error.
func (b *Broker) DeleteQueue(t testing.TB, queue string) int {
	t.Helper()
	var messages int
	err := b.with(t, func(ch *amqp.Channel) (err error) {
		messages, err = ch.QueueDelete(queue, false, false, false)
		return err
	})
	if err != nil {
		t.Fatalf("delete queue %s: %v", queue, err)
	}
	return messages
}

// PurgeQueue removes the messages that are ready in a queue, and returns how
// many they were.
func (b *Broker) PurgeQueue(t testing.TB, queue string) int {
	t.Helper()
	var messages int
	err := b.with(t, func(ch *amqp.Channel) (err error) {
		messages, err = ch.QueuePurge(queue, false)
		return err
	})
	if err != nil {
		t.Fatalf("purge queue %s: %v", queue, err)
	}
	return messages
}
