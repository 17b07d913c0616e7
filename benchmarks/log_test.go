package benchmarks

import (
	"fmt"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/observer/record"
	"github.com/laban-io/laban/pkg/amqpbus"
	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
)

// shipped are the events of an order that is shipped, each with the index of the
// one that caused it, or -1.
var shipped = []struct {
	eventType, source string
	cause             int
}{
	{"order.placed", "order", -1},
	{"stock.confirmed", "inventory", 0},
	{"notification.sent", "notification", 0},
	{"payment.confirmed", "payment", 1},
	{"notification.sent", "notification", 1},
	{"order.shipped", "delivery", 3},
	{"notification.sent", "notification", 3},
	{"notification.sent", "notification", 5},
}

const (
	logName = "events.log"
	// logPrefetch is the credit that Laban's own reader gives a stream.
	logPrefetch = 4000
	// underWay is how many orders of the log are under way at a time, and
	// betweenPulses how many events come between two pulses.
	underWay, betweenPulses = 5000, 2500
)

// fillLog publishes n events of orders that go well, and writes the pulses that
// belong to them into the log. It returns how many records that are.
func (s *stage) fillLog(n int) (records int) {
	ch := s.channel()
	require.NoError(s.b, ch.Confirm(false))
	var waiting []*amqp.DeferredConfirmation
	send := func(exchange, key string, e event.Event, order int) {
		p, err := amqpbus.EncodeEvent(&bus.Message{Event: e, RoutingKey: e.Type, Headers: map[string]string{
			"traceparent": fmt.Sprintf("00-%032x-%016x-01", order+1, records+1),
		}})
		require.NoError(s.b, err)
		confirm, err := ch.PublishWithDeferredConfirm(exchange, key, false, false, p)
		require.NoError(s.b, err)
		waiting = append(waiting, confirm)
		if records++; len(waiting) == window {
			for _, c := range waiting {
				require.True(s.b, c.Wait())
			}
			waiting = waiting[:0]
		}
	}
	now := time.Now().Add(-24 * time.Hour).UTC()
	pulse := func(sequence int) {
		now = now.Add(250 * time.Millisecond)
		e, err := record.Encode(record.Pulse{Time: now, Observer: "bench", Epoch: 1, Sequence: uint64(sequence)}, now)
		require.NoError(s.b, err)
		send("", logName, e, n)
	}
	pulse(1)
	for i := range n {
		round, place := i/underWay, i%underWay
		order, step := round/len(shipped)*underWay+place, round%len(shipped)
		what := &shipped[step]
		id := func(step int) string { return fmt.Sprintf("01K%015d%08d", order, step) }
		e := event.Event{
			ID: id(step), Source: what.source, Type: what.eventType, Subject: fmt.Sprint(order), Time: now,
			FlowName: "order", FlowID: id(99), ServiceVersion: "1.0.0", DataContentType: "application/json", Data: []byte(`{"order":"1042"}`),
		}
		if what.cause >= 0 {
			e.CausationID, e.TriggerTime = id(what.cause), now
		}
		send("events", e.Type, e, order)
		if i%betweenPulses == betweenPulses-1 {
			pulse(i/betweenPulses + 2)
		}
	}
	for _, c := range waiting {
		require.True(s.b, c.Wait())
	}
	return records
}

// rawReader reads the log by amqp091-go alone, with the credit that Laban gives.
func (s *stage) rawReader(records int) time.Duration {
	ch := s.channel()
	defer ch.Close()
	require.NoError(s.b, ch.Qos(logPrefetch, 0, false))
	begun := time.Now()
	deliveries, err := ch.Consume(logName, "", false, false, false, false, amqp.Table{"x-stream-offset": "first"})
	require.NoError(s.b, err)
	for i := 1; i <= records; i++ {
		d := <-deliveries
		if i%(logPrefetch/2) == 0 {
			require.NoError(s.b, d.Ack(true))
		}
	}
	return time.Since(begun)
}
