package chassis

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/laban-io/laban/pkg/bus"
)

// Attributes of a flow on a span; those of every span of the flow's trace.
const (
	flowIDKey   = attribute.Key("laban.flow.id")
	flowKeyKey  = attribute.Key("laban.flow.key")
	flowNameKey = attribute.Key("laban.flow.name")
)

// NoteFlowStart marks the span of ctx as the one that a flow began in.
func NoteFlowStart(ctx context.Context, f bus.Flow) {
	span := trace.SpanFromContext(ctx)
	if !span.IsRecording() {
		return
	}
	span.SetAttributes(flowIDKey.String(f.ID), flowKeyKey.String(f.Key), flowNameKey.String(f.Name))
}

// NoteFlowRequest marks the span of ctx, a later request's, as one that is
// about a flow: with a link to the flow's trace, and the flow's key as an
// attribute of the given name, such as "order.id". It does not bear the flow's
// own attributes, so that searching for a flow finds one trace.
func NoteFlowRequest(ctx context.Context, f bus.Flow, attributeName string) {
	span := trace.SpanFromContext(ctx)
	if !span.IsRecording() {
		return
	}
	span.SetAttributes(attribute.String(attributeName, f.Key))
	began := trace.SpanContextFromContext(propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier(f.Trace)))
	if began.IsValid() {
		span.AddLink(trace.Link{SpanContext: began})
	}
}
