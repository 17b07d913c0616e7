package tracing

import (
	"context"
	"maps"
	"slices"

	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/laban-io/laban/pkg/bus"
)

// HeaderLink is where the headers of a stored message (an outbox row) keep the
// traceparent of the span that the message's own span is to be linked to: that
// of the request which published it, where the message goes into another
// trace. It is taken off before the message is sent.
const HeaderLink = "laban-link"

// Names of the W3C headers.
const (
	headerTraceparent = "traceparent"
	headerTracestate  = "tracestate"
	headerBaggage     = "baggage"
)

// Inject writes the trace that something published in ctx would belong to, so
// that it can be stored: as W3C Trace Context, whatever travels in messages.
// Baggage is written where the hooks' propagator carries it.
func (h *Hooks) Inject(ctx context.Context, headers map[string]string) {
	ctx, link := flowOrigin(ctx)
	propagation.TraceContext{}.Inject(ctx, propagation.MapCarrier(headers))
	if slices.Contains(h.propagator.Fields(), headerBaggage) {
		propagation.Baggage{}.Inject(ctx, propagation.MapCarrier(headers))
	}
	if link.IsValid() {
		headers[HeaderLink] = Traceparent(link)
	}
}

// Extract returns a context that continues what Inject wrote, and no span that
// ctx may be in: that of a relay is no ancestor of what it relays.
func (h *Hooks) Extract(ctx context.Context, headers map[string]string) context.Context {
	if trace.SpanContextFromContext(ctx).IsValid() {
		ctx = trace.ContextWithSpanContext(ctx, trace.SpanContext{})
	}
	if headers[headerBaggage] != "" || baggage.FromContext(ctx).Len() > 0 {
		ctx = propagation.Baggage{}.Extract(baggage.ContextWithoutBaggage(ctx), propagation.MapCarrier(headers))
	}
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier(headers))
}

// origin returns the context whose span is the parent of m's publish span, and
// what the span is to be linked to, if anything.
func origin(ctx context.Context, m *bus.Message) (context.Context, trace.SpanContext) {
	if link := m.Headers[HeaderLink]; link != "" {
		return ctx, ParseTraceparent(link)
	}
	return flowOrigin(ctx)
}

// flowOrigin answers for what is published in ctx. That is ctx's own span,
// except under [bus.WithFlow]: there it is where the flow began, and the own
// span gets a link. In the trace of the flow itself the own span is nearer, and
// so it is in the handler of one of the flow's events, whose span belongs to
// the flow also where a person redrove it into a trace of its own.
func flowOrigin(ctx context.Context) (context.Context, trace.SpanContext) {
	flow, ok := bus.FlowFrom(ctx)
	if !ok || len(flow.Trace) == 0 {
		return ctx, trace.SpanContext{}
	}
	if d := bus.DeliveryFrom(ctx); d != nil && d.Event.FlowID == flow.ID {
		return ctx, trace.SpanContext{}
	}
	began := flowTrace(flow)
	own := trace.SpanContextFromContext(ctx)
	if !began.IsValid() || began.TraceID() == own.TraceID() {
		return ctx, trace.SpanContext{}
	}
	return trace.ContextWithRemoteSpanContext(ctx, began), own
}

// flowTrace returns where f began, or an invalid context where that is not
// known.
func flowTrace(f bus.Flow) trace.SpanContext {
	if len(f.Trace) == 0 {
		return trace.SpanContext{}
	}
	return trace.SpanContextFromContext(propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier(f.Trace)))
}

// forgetStored takes off m what [Hooks.Inject] wrote for storage.
func forgetStored(m *bus.Message) {
	if len(m.Headers) == 0 {
		return
	}
	maps.DeleteFunc(m.Headers, func(name, _ string) bool {
		switch name {
		case HeaderLink, headerTraceparent, headerTracestate, headerBaggage:
			return true
		default:
			return false
		}
	})
}

// Traceparent returns sc as a W3C traceparent header, or "" where it is not
// valid. It is what [bus.HeaderRedrive] is set to.
func Traceparent(sc trace.SpanContext) string {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(trace.ContextWithSpanContext(context.Background(), sc), carrier)
	return carrier[headerTraceparent]
}

// ParseTraceparent reads a W3C traceparent header. What can't be read is an
// invalid span context.
func ParseTraceparent(text string) trace.SpanContext {
	carrier := propagation.MapCarrier{headerTraceparent: text}
	return trace.SpanContextFromContext(propagation.TraceContext{}.Extract(context.Background(), carrier))
}
