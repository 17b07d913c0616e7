package bus_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
)

func TestPublishCompletes(t *testing.T) {
	s := &spy{}
	b := newBus(t, s, bus.Config{Version: "1.4.2"})
	before := time.Now()
	require.NoError(t, b.Publish(t.Context(), event.New("payment.confirmed", nil)))
	m := s.sent[0]
	require.Len(t, m.Event.ID, 26)
	require.Equal(t, "payment", m.Event.Source)
	require.Equal(t, "1.4.2", m.Event.ServiceVersion)
	require.WithinRange(t, m.Event.Time, before, time.Now())
	require.Equal(t, "events", m.Exchange)
	require.Equal(t, "payment.confirmed", m.RoutingKey)
	require.Same(t, spyInfo, m.Info)
	require.Empty(t, m.Event.FlowID)
	require.Empty(t, m.Event.Subject)

	full := event.Event{
		ID: "1", Source: "till", Type: "payment.confirmed", Subject: "7", Time: time.Unix(1, 0), ServiceVersion: "2",
		FlowName: "other", FlowID: "f", CausationID: "c", TriggerTime: time.Unix(0, 0), DataContentType: "text/plain", Data: []byte("x"),
	}
	ctx, _ := b.StartFlow(t.Context(), "order", "1042")
	require.NoError(t, b.Publish(ctx, full))
	require.Equal(t, full, s.sent[1].Event, "what an event has is left as it is")
}

func TestPublishSeveral(t *testing.T) {
	broken := errors.New("broken")
	s := &spy{answer: func(m *bus.Message) error {
		if m.Event.Subject == "bad" {
			return broken
		}
		return nil
	}}
	b := newBus(t, s, bus.Config{Emits: []string{"a", "b"}})
	err := b.Publish(t.Context(),
		event.New("a", nil), event.New("b", nil).WithSubject("bad"), event.New("undeclared", nil), event.New("a", nil).WithSubject("bad"), event.New("b", nil))
	require.ErrorIs(t, err, broken)
	require.ErrorIs(t, err, bus.ErrUndeclared)
	require.ErrorContains(t, err, `payment publishes "undeclared"`)
	var order []string
	for _, m := range s.sent {
		order = append(order, m.Event.Type)
	}
	require.Equal(t, []string{"a", "b", "a", "b"}, order, "in order, without what was refused")
	require.NoError(t, b.Publish(t.Context()), "nothing to publish")
}

func TestPublishLimits(t *testing.T) {
	b := newBus(t, &spy{}, bus.Config{MaxDataBytes: 10})
	e := event.New("payment.confirmed", nil)
	e.Data = make([]byte, 10)
	require.NoError(t, b.Publish(t.Context(), e))
	e.Data = make([]byte, 11)
	require.ErrorIs(t, b.Publish(t.Context(), e), bus.ErrTooLarge)

	b = newBus(t, &spy{}, bus.Config{})
	e.Data = make([]byte, 1<<20)
	require.NoError(t, b.Publish(t.Context(), e))
	e.Data = make([]byte, 1<<20+1)
	require.ErrorIs(t, b.Publish(t.Context(), e), bus.ErrTooLarge)

	b = newBus(t, &spy{}, bus.Config{Emits: []string{}})
	require.ErrorIs(t, b.Publish(t.Context(), event.New("any", nil)), bus.ErrUndeclared, "a service that declares to emit nothing")
}

// What a handler publishes belongs to the flow of what it handles, and says
// what caused it and when that came.
func TestPublishFromHandler(t *testing.T) {
	s := &spy{handedOut: make(chan struct{})}
	d := delivery("order.placed")
	d.Received = time.Now().Add(-time.Second)
	loner := delivery("clock.struck") // outside any flow
	loner.Event.FlowName, loner.Event.FlowID = "", ""
	loner.Received = time.Now()
	s.deliveries = []*bus.Delivery{d, loner}
	b := newBus(t, s, bus.Config{})
	b.HandleFunc(func(ctx context.Context, e event.Event) error {
		require.Equal(t, e.ID, bus.DeliveryFrom(ctx).Event.ID)
		flow, ok := bus.FlowFrom(ctx)
		require.Equal(t, e.FlowID != "", ok)
		require.Equal(t, e.FlowID, flow.ID)
		return b.Publish(ctx, event.New("payment.confirmed", nil), event.New("receipt.printed", nil).WithSubject("R-7"))
	}, "#")
	run(t, b, s)

	for _, m := range s.sent[:2] {
		require.Equal(t, "order", m.Event.FlowName)
		require.Equal(t, "01KF", m.Event.FlowID)
		require.Equal(t, d.Event.ID, m.Event.CausationID)
		require.Equal(t, d.Received, m.Event.TriggerTime)
	}
	require.Equal(t, "1042", s.sent[0].Event.Subject)
	require.Equal(t, "R-7", s.sent[1].Event.Subject, "a subject of its own")
	require.Empty(t, s.sent[2].Event.Subject, "outside a flow a subject is not inherited")
	require.Empty(t, s.sent[2].Event.FlowID)
	require.Equal(t, loner.Event.ID, s.sent[2].Event.CausationID)
}

func TestFlows(t *testing.T) {
	s := &spy{}
	b := newBus(t, s, bus.Config{})
	_, ok := bus.FlowFrom(t.Context())
	require.False(t, ok)
	require.Nil(t, bus.DeliveryFrom(t.Context()))

	ctx, flow := b.StartFlow(t.Context(), "order", "1042")
	require.Len(t, flow.ID, 26)
	require.Equal(t, "order:"+flow.ID, flow.String())
	require.Nil(t, flow.Trace, "nothing traces here")
	got, ok := bus.FlowFrom(ctx)
	require.True(t, ok)
	require.Equal(t, flow, got)
	_, again := b.StartFlow(t.Context(), "order", "1042")
	require.NotEqual(t, flow.ID, again.ID, "a key may come back")

	require.NoError(t, b.Publish(bus.WithFlow(t.Context(), flow), event.New("order.cancel_requested", nil)))
	e := s.sent[0].Event
	require.Equal(t, []string{"order", flow.ID, "1042"}, []string{e.FlowName, e.FlowID, e.Subject})
	require.Empty(t, e.CausationID)
	require.Zero(t, e.TriggerTime)
}

// A flow that a handler starts is caused by what it handles.
func TestFlowStartedByHandler(t *testing.T) {
	s := &spy{handedOut: make(chan struct{}), deliveries: []*bus.Delivery{delivery("order.shipped")}}
	b := newBus(t, s, bus.Config{})
	b.HandleFunc(func(ctx context.Context, e event.Event) error {
		ctx, _ = b.StartFlow(ctx, "feedback", "F-1")
		require.NotNil(t, bus.DeliveryFrom(ctx))
		return b.Publish(ctx, event.New("feedback.asked", nil))
	}, "#")
	run(t, b, s)
	e := s.sent[0].Event
	require.Equal(t, "feedback", e.FlowName)
	require.Equal(t, "F-1", e.Subject)
	require.Equal(t, s.deliveries[0].Event.ID, e.CausationID)
}

func TestPublishAsync(t *testing.T) {
	b := newBus(t, &spy{answer: func(*bus.Message) error { return bus.ErrUnconfirmed }}, bus.Config{})
	var errs []error
	note := func(err error) { errs = append(errs, err) }
	b.PublishAsync(t.Context(), event.New("a", nil), note)
	b.PublishAsync(t.Context(), event.New("", nil), note)
	require.Len(t, errs, 2, "each has one answer")
	require.ErrorIs(t, errs[0], bus.ErrUnconfirmed)
	require.ErrorIs(t, errs[1], event.ErrInvalid)
}
