package bustest

import (
	"context"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
)

// testExhausted: when every attempt has failed, the message is parked with all
// that a person needs to know.
func testExhausted(s *stage) {
	got := s.record()
	v := s.serve(bus.Config{Service: "payment", MaxAttempts: 3}, got.failing(func(call) error { return errBoom }), "order.placed")
	publisher, _ := s.newBus(bus.Config{Service: "order", Hooks: []bus.Hook{stamp{}}})
	e := complete()
	s.publish(publisher, e)
	parked := s.parked(1)[0]
	require.Len(s, got.all(), 3)
	s.sameEvent(e, parked.Event, "parked event")
	for name, value := range plainHeaders() {
		require.Equal(s, value, parked.Headers[name], "header %s", name)
	}
	require.Equal(s, "3", parked.Headers[bus.HeaderAttempt])
	require.Contains(s, parked.Headers[bus.HeaderError], errBoom.Error())
	require.Contains(s, parked.Headers[bus.HeaderError], bus.ErrExhausted.Error())
	require.Equal(s, "payment", parked.Headers[bus.HeaderService])
	require.Equal(s, v.transport.Info().Exchange, parked.Headers[bus.HeaderExchange])
	require.Equal(s, "order.placed", parked.Headers[bus.HeaderRoutingKey])
}

// testPermanent: a handler can have a message parked at once, and a message
// whose data can't be decoded is.
func testPermanent(s *stage) {
	got := s.record()
	b, t := s.newBus(bus.Config{Service: "payment", Concurrency: 1})
	b.Handle(got.failing(func(call) error { return bus.Permanent(errBoom) }), "order.placed")
	b.Handle(bus.Typed(func(context.Context, event.Event, struct{ Amount int }) error { return nil }), "order.paid")
	b.Handle(bus.HandlerFunc(got.handle), fence)
	s.run(b, t)
	publisher := s.publisher()
	bad, undecodable, last := made("order.placed"), made("order.paid"), made(fence)
	undecodable.Data = []byte(`{"amount":"many"}`)
	s.publish(publisher, bad, undecodable, last)
	require.Equal(s, []string{bad.ID, last.ID}, ids(got.until(last.ID)), "a parked message does not come again")

	parked := s.parked(2)
	require.Equal(s, bad.ID, parked[0].Event.ID)
	require.Equal(s, "1", parked[0].Headers[bus.HeaderAttempt])
	require.Equal(s, errBoom.Error(), parked[0].Headers[bus.HeaderError])
	require.Equal(s, undecodable.ID, parked[1].Event.ID)
	require.Contains(s, parked[1].Headers[bus.HeaderError], event.ErrData.Error())
	again := made(fence)
	s.publish(publisher, again)
	for _, r := range s.logUntil(again.ID) {
		require.NotEqual(s, retries, r.Kind, "a message that is parked at once is not retried before")
	}
}

// testLongError: an error of any length and content travels as one line.
func testLongError(s *stage) {
	s.serve(bus.Config{Service: "payment"}, func(context.Context, event.Event) error {
		return bus.Permanent(errorText("a\x00b\x1b[31m\xff\r\n" + strings.Repeat("é", 5000)))
	}, "order.placed")
	s.publish(s.publisher(), made("order.placed"))
	text := s.parked(1)[0].Headers[bus.HeaderError]
	require.LessOrEqual(s, len(text), bus.MaxErrorText)
	require.True(s, strings.HasPrefix(text, "a b [31m\uFFFD  éé"), "%q", text)
}

type errorText string

func (e errorText) Error() string { return string(e) }

// testDrop: a dropped message is gone: not retried, not parked.
func testDrop(s *stage) {
	got := s.record()
	s.serve(bus.Config{Service: "payment", Concurrency: 1, RetryLevels: []time.Duration{time.Millisecond}}, got.failing(func(c call) error {
		if c.Type == fence {
			return nil
		}
		return bus.Drop(errBoom)
	}), "order.placed", fence)
	publisher := s.publisher()
	e, last := made("order.placed"), made(fence)
	s.publish(publisher, e, last)
	require.Equal(s, []string{e.ID, last.ID}, ids(got.until(last.ID)))
	require.Empty(s, s.broker.Parked(s, "payment"))
	require.Empty(s, s.broker.Lost(s))
	again := made(fence)
	s.publish(publisher, again)
	for _, r := range s.logUntil(again.ID) {
		require.Contains(s, []bus.RecordKind{events, direct}, r.Kind)
	}
}

// testPoison: what can't be read as an event is parked at once, body and all,
// and holds up nothing.
func testPoison(s *stage) {
	got := s.record()
	s.serve(bus.Config{Service: "payment", Concurrency: 1}, got.handle, "order.placed", fence)
	poison := []event.Binary{
		{RoutingKey: "order.placed", Body: []byte("no id")},
		{RoutingKey: "order.placed", MessageID: "p-2", Headers: map[string]any{event.Prefix + "specversion": "2.0"}, Body: []byte("another specversion")},
		{RoutingKey: "order.placed", MessageID: "p-3", ContentType: "application/cloudevents+json", Body: []byte(`{"id":`)},
		{RoutingKey: "order.placed", MessageID: "p-4", Headers: map[string]any{event.Prefix + "subject": "nul \x00"}, Body: []byte("control character")},
	}
	for _, m := range poison {
		s.broker.PublishRaw(s, m)
	}
	last := made(fence)
	s.publish(s.publisher(), last)
	require.Equal(s, []string{last.ID}, ids(got.until(last.ID)), "no handler sees poison")
	parked := s.parked(len(poison))
	byBody := map[string]bus.Message{}
	for _, m := range parked {
		byBody[string(m.Event.Data)] = m
		require.Contains(s, m.Headers[bus.HeaderError], event.ErrMalformed.Error())
		require.Equal(s, "1", m.Headers[bus.HeaderAttempt])
		require.Equal(s, "order.placed", m.Headers[bus.HeaderRoutingKey])
	}
	for _, m := range poison {
		require.Contains(s, byBody, string(m.Body), "the body of %s", m.MessageID)
	}
}
