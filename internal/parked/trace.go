package parked

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/pkg/tracing"
)

// mark returns what a message is to carry, and ends the span of sending it. That
// begins a trace of its own, linked to where the message was published: a trace
// that goes on days later can't be read (docs/adr/0002-parent-and-link.md).
func (d *Desk) mark(ctx context.Context, m *Message, o *Order) (Mark, func(error)) {
	opts := []trace.SpanStartOption{trace.WithNewRoot(), trace.WithSpanKind(trace.SpanKindProducer), trace.WithAttributes(
		attribute.String("messaging.system", "rabbitmq"), attribute.String("messaging.operation.type", "send"),
		attribute.String("messaging.operation.name", "redrive"), attribute.String("messaging.message.id", m.ID),
		attribute.String("laban.redrive.kind", string(m.Kind)), attribute.String("laban.redrive.by", o.By), attribute.String("laban.redrive.reason", o.Reason),
	)}
	if m.FlowID != "" {
		opts = append(opts, trace.WithAttributes(attribute.String("laban.flow.id", m.FlowID), attribute.String("laban.flow.key", m.Key), attribute.String("laban.flow.name", m.FlowName)))
	}
	if from := tracing.ParseTraceparent(m.Headers["traceparent"]); from.IsValid() {
		opts = append(opts, trace.WithLinks(trace.Link{SpanContext: from}))
	}
	to := m.Service
	if to == "" {
		to = m.Type
	}
	_, span := d.tracer.Start(ctx, "redrive "+to, opts...)
	mark := Mark{Redrive: tracing.Traceparent(span.SpanContext()), By: o.By, Reason: o.Reason}
	if mark.Redrive == "" {
		mark.Redrive = "untraced " + event.NewID()
	}
	return mark, func(err error) {
		if err != nil {
			span.SetStatus(codes.Error, err.Error())
		}
		span.End()
	}
}
