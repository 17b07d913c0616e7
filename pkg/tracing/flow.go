package tracing

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/tracing/internal/messaging"
)

// The attributes that name a span's flow.
const (
	FlowIDKey   = messaging.FlowIDKey
	FlowKeyKey  = messaging.FlowKeyKey
	FlowNameKey = messaging.FlowNameKey
)

// FlowProcessor returns a span processor that gives every span which is
// started in a flow's context the flow's attributes. [Start] installs one.
//
// The flow is what [bus.FlowFrom] says: for a handler that is the envelope of
// its event. Nothing else is asked, least of all baggage, which anybody can
// send. A span of a later request that rejoins a flow gets none, as long as it
// is not in the flow's own trace: whoever searches for the flow is to find one
// trace.
func FlowProcessor() sdktrace.SpanProcessor { return flowProcessor{} }

type flowProcessor struct{}

func (flowProcessor) OnStart(ctx context.Context, s sdktrace.ReadWriteSpan) {
	if s.InstrumentationScope().Name == ScopeName {
		return // the hooks name the flow of the event that they are about
	}
	flow, ok := bus.FlowFrom(ctx)
	if !ok {
		return
	}
	if began := flowTrace(flow); began.IsValid() && began.TraceID() != s.SpanContext().TraceID() {
		return
	}
	s.SetAttributes(flowAttributes(flow)...)
}

func (flowProcessor) OnEnd(sdktrace.ReadOnlySpan)      {}
func (flowProcessor) Shutdown(context.Context) error   { return nil }
func (flowProcessor) ForceFlush(context.Context) error { return nil }

func flowAttributes(f bus.Flow) []attribute.KeyValue {
	m := messaging.Message{FlowID: f.ID, FlowKey: f.Key, FlowName: f.Name}
	return m.Attributes()
}

// MarkFlow gives ctx's span the attributes of f. It is for the span that a
// flow begins in, which was started before there was a flow: that of the
// request which places an order.
func MarkFlow(ctx context.Context, f bus.Flow) {
	if span := trace.SpanFromContext(ctx); span.IsRecording() {
		span.SetAttributes(flowAttributes(f)...)
	}
}

// LinkFlow says on ctx's span that it is about f: by a link to the trace that f
// began in, and by f's key as an attribute of the given name, such as
// "order.id". It is for the span of a later request about a flow, such as a
// cancel. The flow's own attributes are left to the spans of its trace.
func LinkFlow(ctx context.Context, f bus.Flow, key attribute.Key) {
	span := trace.SpanFromContext(ctx)
	if !span.IsRecording() {
		return
	}
	span.SetAttributes(key.String(f.Key))
	if began := flowTrace(f); began.IsValid() {
		span.AddLink(trace.Link{SpanContext: began})
	}
}
