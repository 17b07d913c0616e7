package bustest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
)

// complete returns an event that has everything an event can have.
func complete() event.Event {
	zone := time.FixedZone("", 2*60*60)
	return event.Event{
		ID: event.NewID(), Source: "urn:shop:till-7", Type: "order.placed", Subject: "Bestellung № 1042",
		Time:     time.Date(2026, 3, 29, 2, 59, 59, 123456789, zone),
		FlowName: "order", FlowID: event.NewID(), CausationID: event.NewID(),
		TriggerTime:    time.Date(2026, 3, 29, 2, 59, 58, 1, zone),
		ServiceVersion: "1.4.2+build.7",
		DataSchema:     "https://schemas.example.org/order#1",
		Data:           []byte("\x00\x01binary\xff\xfe"), DataContentType: "application/octet-stream",
		Extensions: map[string]string{"tenant": "zürich", "priority": "7", "empty": ""},
	}
}

const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

// plainHeaders are what telemetry adds to a message, and what others might.
func plainHeaders() map[string]string {
	return map[string]string{
		"traceparent": traceparent, "tracestate": "vendor=1,other=2", "baggage": "user=anna,region=eu",
		"X-Custom Header": "with: any text, also ünïcödé",
	}
}

// stamp is a hook that adds the headers above to what is published.
type stamp struct{}

func (stamp) PublishStart(ctx context.Context, m *bus.Message) context.Context {
	for name, value := range plainHeaders() {
		m.SetHeader(name, value)
	}
	return ctx
}

func (stamp) PublishEnd(context.Context, *bus.Message, time.Duration, error) {}

// testEnvelope: an event arrives as it was sent, attribute by attribute.
func testEnvelope(s *stage) {
	got := s.record()
	v := s.serve(bus.Config{Service: "payment"}, got.handle, "order.placed")
	publisher, _ := s.newBus(bus.Config{Service: "order", Hooks: []bus.Hook{stamp{}}})
	want := complete()
	s.publish(publisher, want)

	c := got.wait(1)[0]
	s.sameEvent(want, c.Event, "event")
	for name, value := range plainHeaders() {
		require.Equal(s, value, c.headers[name], "header %s", name)
	}
	require.Equal(s, "payment", c.queue)
	require.Equal(s, v.transport.Info().Exchange, c.exchange)
	require.Equal(s, "order.placed", c.routingKey)
	require.Equal(s, 1, c.attempt)
	require.False(s, c.redelivered)
}

// testSparseEvent: an event arrives with nothing added that it does not have.
func testSparseEvent(s *stage) {
	got := s.record()
	s.serve(bus.Config{Service: "payment"}, got.handle, "order.placed")
	publisher, _ := s.newBus(bus.Config{Service: "order"}) // without a version
	before := time.Now()
	require.NoError(s, publisher.Publish(s.patience(), event.New("order.placed", nil)))

	c := got.wait(1)[0]
	require.NotEmpty(s, c.ID)
	require.WithinRange(s, c.Time, before.Round(0), time.Now())
	s.sameEvent(event.Event{ID: c.ID, Source: "order", Type: "order.placed", Time: c.Time}, c.Event, "event")
	require.Empty(s, c.headers)
}

// testData: data of any size and content arrives unchanged.
func testData(s *stage) {
	got := s.record()
	s.serve(bus.Config{Service: "payment", Concurrency: 1}, got.handle, "order.placed")
	publisher := s.publisher()
	large := bytes.Repeat([]byte("0123456789abcdef\x00\xff"), 1<<20/18) // AMQP cuts it into many frames
	all := [][]byte{nil, []byte("x"), []byte("{}"), []byte("null"), []byte("\x00"), large}
	for _, data := range all {
		s.publish(publisher, event.Event{Type: "order.placed", Subject: "1042", Data: data, DataContentType: "application/octet-stream"})
	}
	for i, c := range got.wait(len(all)) {
		require.True(s, bytes.Equal(all[i], c.Data), "data %d: sent %d bytes, received %d", i, len(all[i]), len(c.Data))
	}
}

// testIsolation: publisher, receivers, and the attempts of one receiver share no
// memory.
func testIsolation(s *stage) {
	spoil := func(e event.Event, headers map[string]string) {
		for i := range e.Data {
			e.Data[i] = 'X'
		}
		e.Extensions["tenant"] = "X"
		headers["traceparent"] = "X"
	}
	payment, stock := s.record(), s.record()
	handler := func(r *record) bus.HandlerFunc {
		return func(ctx context.Context, e event.Event) error {
			c := r.add(ctx, e)
			spoil(e, bus.DeliveryFrom(ctx).Headers)
			if c.attempt == 1 {
				return errors.New("once more")
			}
			return nil
		}
	}
	first := make(chan map[string]string, 2)
	keep := func(next bus.HandlerFunc) bus.HandlerFunc {
		return func(ctx context.Context, e event.Event) error {
			if d := bus.DeliveryFrom(ctx); d.Attempt == 2 {
				first <- map[string]string{"traceparent": d.Headers["traceparent"]}
			}
			return next(ctx, e)
		}
	}
	s.serve(bus.Config{Service: "payment"}, keep(handler(payment)), "order.placed")
	s.serve(bus.Config{Service: "inventory"}, keep(handler(stock)), "order.placed")

	publisher, _ := s.newBus(bus.Config{Service: "order", Hooks: []bus.Hook{stamp{}}})
	sent := complete()
	want := sent.Clone()
	s.publish(publisher, sent)
	for i := range sent.Data {
		sent.Data[i] = 'Y'
	}
	sent.Extensions["tenant"] = "Y"

	for _, r := range []*record{payment, stock} {
		for _, c := range r.wait(2) {
			s.sameEvent(want, c.Event, fmt.Sprintf("event of attempt %d", c.attempt))
		}
		require.Equal(s, traceparent, receive(s, first, "second attempt")["traceparent"])
	}
	for _, r := range s.log(func(all []bus.LogRecord) bool { return len(all) >= 3 }, events, retries) {
		s.sameEvent(want, r.Event, "event in the log")
	}
}

// testForeign: what a program without this library publishes is read as far as
// it can be.
func testForeign(s *stage) {
	got := s.record()
	s.serve(bus.Config{Service: "payment", Concurrency: 1}, got.handle, "order.placed", "stock.confirmed", "parcel.sent")
	s.broker.PublishRaw(s, event.Binary{
		RoutingKey: "order.placed", MessageID: "m-1", AppID: "legacy", ContentType: "application/json",
		Timestamp: time.Unix(1_700_000_000, 0), Headers: map[string]any{"traceparent": traceparent, "count": int32(7)}, Body: []byte(`{"order":1042}`),
	})
	s.broker.PublishRaw(s, event.Binary{
		RoutingKey: "stock.confirmed", Headers: map[string]any{
			event.AltPrefix + "specversion": "1.0", event.AltPrefix + "id": "m-2", event.AltPrefix + "source": "java",
			event.AltPrefix + "type": "stock.confirmed", event.AltPrefix + "flowname": "order", event.AltPrefix + "flowid": "f-1",
		},
	})
	s.broker.PublishRaw(s, event.Binary{
		RoutingKey: "parcel.sent", ContentType: "application/cloudevents+json; charset=utf-8",
		Body: []byte(`{"specversion":"1.0","id":"m-3","source":"node","type":"parcel.sent","subject":"1042","data":{"kg":2}}`),
	})
	calls := map[string]call{}
	for _, c := range got.wait(3) {
		calls[c.ID] = c
	}
	s.sameEvent(event.Event{
		ID: "m-1", Source: "legacy", Type: "order.placed", Time: time.Unix(1_700_000_000, 0),
		DataContentType: "application/json", Data: []byte(`{"order":1042}`),
	}, calls["m-1"].Event, "plain AMQP")
	require.Equal(s, map[string]string{"traceparent": traceparent, "count": "7"}, calls["m-1"].headers)
	s.sameEvent(event.Event{ID: "m-2", Source: "java", Type: "stock.confirmed", FlowName: "order", FlowID: "f-1"},
		calls["m-2"].Event, "the other prefix")
	s.sameEvent(event.Event{
		ID: "m-3", Source: "node", Type: "parcel.sent", Subject: "1042",
		DataContentType: "application/json", Data: []byte(`{"kg":2}`),
	}, calls["m-3"].Event, "structured mode")
}

// testConcurrentPublishers: many publish at once, on one transport and on
// several; everything arrives once, and each caller's events in their order.
func testConcurrentPublishers(s *stage) {
	const callers, each = 8, 50
	got := s.record()
	s.serve(bus.Config{Service: "payment"}, got.handle, "order.placed")
	shared, other := s.publisher(), s.publisher()
	ctx := s.patience()
	var all sync.WaitGroup
	errs := make(chan error, callers*each)
	for i := range callers {
		b := shared
		if i%4 == 0 {
			b = other
		}
		all.Go(func() {
			for n := range each {
				e := made("order.placed").WithSubject(strconv.Itoa(i))
				e.Extensions = map[string]string{"n": strconv.Itoa(n)}
				errs <- b.Publish(ctx, e)
			}
		})
	}
	all.Wait()
	close(errs)
	for err := range errs {
		require.NoError(s, err)
	}
	next := map[string]int{}
	for _, c := range got.wait(callers * each) {
		require.Equal(s, strconv.Itoa(next[c.Subject]), c.Extensions["n"], "the next event of caller %s", c.Subject)
		next[c.Subject]++
	}
	require.Len(s, got.all(), callers*each)
}
