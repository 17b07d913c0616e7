package tracing

import (
	"context"

	"go.opentelemetry.io/otel/trace"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/tracing/internal/messaging"
)

// processRedriven starts the span of processing a message that a person
// redrove: in the trace of the redrive, or in a new one where it has none, and
// linked to the span that published the message. A mark in the message's own
// trace links the other way, since trace stores can't look links up backwards.
//
// Every attempt falls into the trace of the redrive. Without one each attempt
// begins a trace of its own, since nothing but the message's headers lasts
// from one attempt to the next.
func (h *Hooks) processRedriven(ctx context.Context, s *messaging.Series, d *bus.Delivery, said *messaging.Message,
	creation trace.SpanContext, links []trace.Link) context.Context {
	own := ctx
	var span trace.Span
	if by := ParseTraceparent(d.Headers[bus.HeaderRedrive]); by.IsValid() {
		ctx, span = h.messages.Start(trace.ContextWithRemoteSpanContext(ctx, by), s, said, links...)
	} else {
		ctx, span = h.messages.StartRoot(ctx, s, said, links...)
	}
	if d.Attempt <= 1 && creation.IsValid() && creation.TraceID() != span.SpanContext().TraceID() {
		h.messages.Mark(own, "redrive", s, said, trace.Link{SpanContext: span.SpanContext()})
	}
	return ctx
}
