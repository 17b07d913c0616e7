package bus_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
)

// tracer is a hook of every kind that writes down when it is called, and what
// context it is called in.
type tracer struct {
	name  string
	trail *[]string
}

type spanKey struct{}

// enter notes a call and returns a context that knows of it.
func (h tracer) enter(ctx context.Context, what string) context.Context {
	h.note(ctx, what)
	outer, _ := ctx.Value(spanKey{}).(string)
	return context.WithValue(ctx, spanKey{}, outer+"/"+h.name+":"+what)
}

func (h tracer) note(ctx context.Context, what string) {
	span, _ := ctx.Value(spanKey{}).(string)
	*h.trail = append(*h.trail, fmt.Sprintf("%s %s in %q", h.name, what, span))
}

func (h tracer) PublishStart(ctx context.Context, m *bus.Message) context.Context {
	m.SetHeader(h.name, "was here")
	return h.enter(ctx, "publish")
}

func (h tracer) PublishEnd(ctx context.Context, _ *bus.Message, _ time.Duration, err error) {
	h.note(ctx, fmt.Sprint("published: ", err))
}

func (h tracer) ProcessStart(ctx context.Context, _ *bus.Delivery) context.Context {
	return h.enter(ctx, "process")
}

func (h tracer) ProcessEnd(ctx context.Context, _ *bus.Delivery, v bus.Verdict, _ time.Duration) {
	h.note(ctx, fmt.Sprint("processed: ", v.Action))
}

func (h tracer) SettleStart(ctx context.Context, _ *bus.Delivery, v bus.Verdict) context.Context {
	return h.enter(ctx, "settle")
}

func (h tracer) SettleEnd(ctx context.Context, _ *bus.Delivery, _ bus.Verdict, _ time.Duration, err error) {
	h.note(ctx, fmt.Sprint("settled: ", err))
}

// Starts run in the configured order, ends in reverse, each end in the context
// that the starts returned; the handler runs in that of processing.
func TestHookOrder(t *testing.T) {
	var trail []string
	a, b := tracer{"a", &trail}, tracer{"b", &trail}
	s := &spy{handedOut: make(chan struct{}), deliveries: []*bus.Delivery{delivery("order.placed")}}
	s.answer = func(m *bus.Message) error {
		require.Equal(t, map[string]string{"a": "was here", "b": "was here"}, m.Headers)
		return errors.New("no")
	}
	u := newBus(t, s, bus.Config{Hooks: []bus.Hook{a, "anything may be a hook", b}})
	u.HandleFunc(func(ctx context.Context, _ event.Event) error {
		_ = u.Publish(ctx, event.New("payment.confirmed", nil))
		return bus.Permanent(errors.New("boom"))
	}, "order.placed")
	run(t, u, s)
	require.Equal(t, []string{
		`a process in ""`,
		`b process in "/a:process"`,
		`a publish in "/a:process/b:process"`,
		`b publish in "/a:process/b:process/a:publish"`,
		`b published: no in "/a:process/b:process/a:publish/b:publish"`,
		`a published: no in "/a:process/b:process/a:publish/b:publish"`,
		`b processed: park in "/a:process/b:process"`,
		`a processed: park in "/a:process/b:process"`,
		`a settle in "/a:process/b:process"`,
		`b settle in "/a:process/b:process/a:settle"`,
		`b settled: <nil> in "/a:process/b:process/a:settle/b:settle"`,
		`a settled: <nil> in "/a:process/b:process/a:settle/b:settle"`,
	}, trail)
}

// A refused event is not published, so no hook sees it.
func TestHooksSeeOnlyWhatIsSent(t *testing.T) {
	var trail []string
	b := newBus(t, &spy{}, bus.Config{Hooks: []bus.Hook{tracer{"a", &trail}}})
	require.Error(t, b.Publish(t.Context(), event.New("", nil)))
	require.Empty(t, trail)
}

// carrier carries the span of a context through storage.
type carrier struct{ tracer }

func (carrier) Inject(ctx context.Context, headers map[string]string) {
	if span, ok := ctx.Value(spanKey{}).(string); ok {
		headers["traceparent"] = span
	}
}

func (carrier) Extract(ctx context.Context, headers map[string]string) context.Context {
	return context.WithValue(ctx, spanKey{}, headers["traceparent"])
}

// What is stored is published later in the trace in which it was prepared, with
// its flow.
func TestPrepareAndRelay(t *testing.T) {
	var trail []string
	s := &spy{}
	b := newBus(t, s, bus.Config{Hooks: []bus.Hook{carrier{tracer{"a", &trail}}}})
	ctx, flow := b.StartFlow(context.WithValue(t.Context(), spanKey{}, "request"), "order", "1042")
	require.Equal(t, map[string]string{"traceparent": "request"}, flow.Trace)
	m, err := b.Prepare(ctx, event.New("order.placed", nil))
	require.NoError(t, err)
	require.Empty(t, s.messages())
	require.Equal(t, map[string]string{"traceparent": "request"}, m.Headers)

	stored := &bus.Message{Event: m.Event, Headers: maps.Clone(m.Headers)}
	var answer error
	b.Relay(t.Context(), stored, func(err error) { answer = err })
	require.NoError(t, answer)
	sent := s.messages()[0]
	require.Equal(t, "events", sent.Exchange)
	require.Equal(t, "order.placed", sent.RoutingKey)
	require.Equal(t, flow.ID, sent.Event.FlowID)
	require.Equal(t, `a publish in "request"`, trail[0])

	_, err = b.Prepare(ctx, event.New("", nil))
	require.ErrorIs(t, err, event.ErrInvalid)
}
