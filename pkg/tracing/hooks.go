package tracing

import (
	"context"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/tracing/internal/messaging"
)

// Hooks write the spans and metrics of a [bus.Bus] and carry trace context
// through its messages. They are safe for concurrent use, also by several
// buses of one service.
type Hooks struct {
	messages    *messaging.Instrumentation
	propagator  propagation.TextMapPropagator
	settleSpans SettleSpans
}

var (
	_ bus.PublishHook = (*Hooks)(nil)
	_ bus.ProcessHook = (*Hooks)(nil)
	_ bus.SettleHook  = (*Hooks)(nil)
	_ bus.Propagator  = (*Hooks)(nil)
)

// NewHooks returns hooks for [bus.Config]. Without options they use
// OpenTelemetry's global providers and propagator.
func NewHooks(opts ...Option) *Hooks {
	c := newConfig(opts)
	messages, err := messaging.New(c.tracerProvider, c.meterProvider, ScopeName, Version)
	if err != nil {
		otel.Handle(err)
	}
	messages.ByParent = c.byParent
	return &Hooks{messages: messages, propagator: c.propagator, settleSpans: c.settleSpans}
}

// PublishStart starts the span of a publish and writes its context into the
// message's headers.
func (h *Hooks) PublishStart(ctx context.Context, m *bus.Message) context.Context {
	ctx, link := origin(ctx, m)
	ctx, decided := h.messages.Decided(ctx)
	if !decided {
		ctx = h.startPublish(ctx, m, link)
	}
	forgetStored(m)
	h.propagator.Inject(ctx, MessageCarrier{m})
	return ctx
}

func (h *Hooks) startPublish(ctx context.Context, m *bus.Message, link trace.SpanContext) context.Context {
	s := h.messages.Series(messaging.Publish(), destination(m, ""))
	said := describe(m)
	if link.IsValid() {
		ctx, _ = h.messages.Start(ctx, s, &said, trace.Link{SpanContext: link})
	} else {
		ctx, _ = h.messages.Start(ctx, s, &said)
	}
	return ctx
}

// PublishEnd ends the span and measures the publish.
func (h *Hooks) PublishEnd(ctx context.Context, m *bus.Message, elapsed time.Duration, err error) {
	s := h.messages.Series(messaging.Publish(), destination(m, ""))
	span := trace.SpanFromContext(ctx)
	failure := errorType(err)
	if failure != "" {
		messaging.Fail(span, failure, messaging.Describe(err))
	}
	span.End()
	h.messages.Sent(ctx, s, elapsed.Seconds(), failure)
}

// ProcessStart starts the span of processing a delivery, in the trace of the
// message; that of a redriven message begins a new trace.
func (h *Hooks) ProcessStart(ctx context.Context, d *bus.Delivery) context.Context {
	// What span the bus was started under is no ancestor of its messages.
	ambient := trace.SpanContextFromContext(ctx)
	if ambient.IsValid() {
		ctx = trace.ContextWithSpanContext(ctx, trace.SpanContext{})
	}
	ctx = h.propagator.Extract(ctx, MessageCarrier{&d.Message})
	if d.Headers[bus.HeaderRedrive] == "" {
		if ctx, decided := h.messages.Decided(ctx); decided {
			return ctx
		}
	}
	return h.startProcess(ctx, d, ambient)
}

// startProcess starts the span in ctx, which has the message's trace.
func (h *Hooks) startProcess(ctx context.Context, d *bus.Delivery, ambient trace.SpanContext) context.Context {
	s := h.messages.Series(messaging.Process(), destination(&d.Message, d.Queue))
	said := describe(&d.Message)
	said.DeliveryTag, said.Attempt, said.Redelivered = d.Tag, d.Attempt, d.Redelivered
	creation := trace.SpanContextFromContext(ctx)

	var links []trace.Link
	if creation.IsValid() {
		links = append(links, trace.Link{SpanContext: creation})
	}
	if ambient.IsValid() {
		links = append(links, trace.Link{SpanContext: ambient})
	}
	if d.Headers[bus.HeaderRedrive] != "" {
		return h.processRedriven(ctx, s, d, &said, creation, links)
	}
	ctx, _ = h.messages.Start(ctx, s, &said, links...)
	return ctx
}

// ProcessEnd ends the span and measures the processing. An event that was
// dropped was dealt with as its handler wanted: that is no failure.
func (h *Hooks) ProcessEnd(ctx context.Context, d *bus.Delivery, v bus.Verdict, elapsed time.Duration) {
	s := h.messages.Series(messaging.Process(), destination(&d.Message, d.Queue))
	span := trace.SpanFromContext(ctx)
	failure := ""
	switch v.Action {
	case bus.Ack:
	case bus.Discard:
		span.SetAttributes(messaging.VerdictKey.String(v.Action.String()))
	default:
		failure = errorTypeOf(ctx, v)
		messaging.Fail(span, failure, messaging.Describe(v.Err), messaging.VerdictKey.String(v.Action.String()))
	}
	span.End()
	h.messages.Processed(ctx, s, 1, elapsed.Seconds(), failure)
}

// SettleStart starts the span of settling a delivery, where it gets one, as a
// child of that of processing it.
func (h *Hooks) SettleStart(ctx context.Context, d *bus.Delivery, v bus.Verdict) context.Context {
	if !h.settleSpan(v) {
		return ctx
	}
	s := h.messages.Series(settleOperation(v), destination(&d.Message, d.Queue))
	said := describe(&d.Message)
	said.DeliveryTag, said.Attempt = d.Tag, d.Attempt
	ctx, _ = h.messages.Start(ctx, s, &said)
	return ctx
}

// SettleEnd ends the span and measures the settling.
func (h *Hooks) SettleEnd(ctx context.Context, d *bus.Delivery, v bus.Verdict, elapsed time.Duration, err error) {
	s := h.messages.Series(settleOperation(v), destination(&d.Message, d.Queue))
	failure := errorType(err)
	if h.settleSpan(v) {
		span := trace.SpanFromContext(ctx)
		if failure != "" {
			messaging.Fail(span, failure, messaging.Describe(err))
		}
		span.End()
	}
	h.messages.Settled(ctx, s, elapsed.Seconds(), failure)
}

func (h *Hooks) settleSpan(v bus.Verdict) bool { return h.settleSpans.Want(v.Action == bus.Ack) }

// settleOperation names what is done to the delivery by the verdict: ack,
// retry, park, drop or requeue.
func settleOperation(v bus.Verdict) messaging.Operation { return messaging.Settle(v.Action.String()) }

// destination says where m goes or, with a queue, where it came from.
func destination(m *bus.Message, queue string) messaging.Destination {
	d := messaging.Destination{Exchange: m.Exchange, RoutingKey: m.RoutingKey, Queue: queue}
	if m.Info != nil {
		d.System, d.Host, d.Port = m.Info.System, m.Info.Host, m.Info.Port
	}
	return d
}

// describe says what m is, by its envelope.
func describe(m *bus.Message) messaging.Message {
	said := messaging.Message{ID: m.Event.ID, ConversationID: m.Event.FlowID}
	if m.Event.FlowID != "" {
		said.FlowID, said.FlowKey, said.FlowName = m.Event.FlowID, m.Event.Subject, m.Event.FlowName
	}
	return said
}
