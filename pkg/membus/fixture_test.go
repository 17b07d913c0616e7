package membus_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/pkg/membus"
)

// message returns a message that a transport takes.
func message(typ string) *bus.Message {
	return &bus.Message{RoutingKey: typ, Event: event.Event{
		ID: event.NewID(), Source: "order", Type: typ, Time: time.Now(), Data: []byte("{}"),
	}}
}

// send sends m and returns the transport's answer.
func send(ctx context.Context, t bus.Transport, m *bus.Message) error {
	done := make(chan error, 1)
	t.Send(ctx, m, func(err error) { done <- err })
	return <-done
}

// consumer is a running Consume.
type consumer struct {
	transport *membus.Transport
	stop      context.CancelFunc
	ended     chan error
	once      sync.Once
}

// consume begins to consume on a transport of its own, and returns when it has
// a session. It is stopped when the test ends.
func consume(t *testing.T, b *membus.Broker, s bus.Subscription) *consumer {
	t.Helper()
	if s.Queue == "" {
		s.Queue = "payment"
	}
	if s.Keys == nil {
		s.Keys = []string{"order.placed"}
	}
	s.Concurrency = max(s.Concurrency, 1)
	begun := make(chan struct{}, 16)
	s.OnSession = func() { begun <- struct{}{} }
	ctx, cancel := context.WithCancel(t.Context())
	c := &consumer{transport: b.Connect(), stop: cancel, ended: make(chan error, 1)}
	go func() { c.ended <- c.transport.Consume(ctx, s) }()
	<-begun
	t.Cleanup(func() { require.NoError(t, c.end()) })
	return c
}

// end stops the consumer and returns what Consume returned, the first time.
func (c *consumer) end() (err error) {
	c.once.Do(func() {
		c.stop()
		err = <-c.ended
	})
	return err
}

// declare makes the queue of a service that is away.
func declare(t *testing.T, b *membus.Broker, levels ...time.Duration) {
	t.Helper()
	c := consume(t, b, bus.Subscription{RetryLevels: levels, Receive: func(context.Context, *bus.Delivery) {}})
	require.NoError(t, c.end())
}

// settle returns a Receive function that carries out one verdict on all.
func settle(t *testing.T, v bus.Verdict) func(context.Context, *bus.Delivery) {
	return func(ctx context.Context, d *bus.Delivery) {
		if err := d.Settler.Settle(context.WithoutCancel(ctx), d, v); err != nil {
			t.Errorf("settle %s: %v", d.Event.ID, err)
		}
	}
}
