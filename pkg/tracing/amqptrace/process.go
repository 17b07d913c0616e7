package amqptrace

import (
	"context"
	"errors"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"go.opentelemetry.io/otel/trace"

	"github.com/laban-io/laban/pkg/tracing/internal/messaging"
)

// Process calls handle in the span of processing a delivery of the queue, and
// returns what it returns; an error makes the span one. The delivery that
// handle is given is to be settled as usual, by Ack, Nack or Reject, and that
// is traced as well.
//
// The span is a child of the one that published the message, and linked to it.
// If ctx is in a span, that is linked.
func (t *Tracer) Process(ctx context.Context, queue string, d amqp.Delivery, handle func(context.Context, amqp.Delivery) error) error {
	ctx, end := t.Start(ctx, queue, &d)
	return finish(end, func() error { return handle(ctx, d) })
}

// ProcessBatch calls handle in one span for several deliveries of the queue,
// linked to the spans that published them. It is a child of ctx's span, or the
// root of a new trace.
func (t *Tracer) ProcessBatch(ctx context.Context, queue string, ds []amqp.Delivery, handle func(context.Context, []amqp.Delivery) error) error {
	ctx, own, end := t.startBatch(ctx, queue, ds)
	return finish(end, func() error { return handle(ctx, own) })
}

var errPanic = errors.New("the handler panicked")

// finish ends a span after f, also where f panics.
func finish(end func(error), f func() error) error {
	ended := false
	defer func() {
		if !ended {
			end(errPanic)
		}
	}()
	err := f()
	ended = true
	end(err)
	return err
}

// Start starts the span of processing d, and makes its settling traced. Call
// the function that it returns once, with the error of processing. It is for
// code that [Tracer.Process] does not fit.
func (t *Tracer) Start(ctx context.Context, queue string, d *amqp.Delivery) (processing context.Context, end func(error)) {
	began := time.Now()
	to := t.destination(d.Exchange, d.RoutingKey, queue)
	s := t.messages.Series(messaging.Process(), to)
	said := describe(d.MessageId, d.CorrelationId, d.Headers)
	said.DeliveryTag, said.Redelivered = d.DeliveryTag, d.Redelivered

	ambient := trace.SpanContextFromContext(ctx)
	if ambient.IsValid() {
		ctx = trace.ContextWithSpanContext(ctx, trace.SpanContext{})
	}
	ctx = t.propagator.Extract(ctx, HeaderCarrier(d.Headers))
	var links []trace.Link
	if creation := trace.SpanContextFromContext(ctx); creation.IsValid() {
		links = append(links, trace.Link{SpanContext: creation})
	}
	if ambient.IsValid() {
		links = append(links, trace.Link{SpanContext: ambient})
	}
	ctx, span := t.messages.Start(ctx, s, &said, links...)
	d.Acknowledger = t.settled(ctx, d.Acknowledger, to, &said)
	return ctx, t.end(ctx, span, s, 1, began)
}

func (t *Tracer) startBatch(ctx context.Context, queue string, ds []amqp.Delivery) (context.Context, []amqp.Delivery, func(error)) {
	began := time.Now()
	to := t.destination("", "", queue)
	if same(ds) {
		to = t.destination(ds[0].Exchange, ds[0].RoutingKey, queue)
	}
	s := t.messages.Series(messaging.Process(), to)
	var links []trace.Link
	for i := range ds {
		if creation := t.creation(ds[i].Headers); creation.IsValid() {
			said := describe(ds[i].MessageId, ds[i].CorrelationId, ds[i].Headers)
			said.DeliveryTag = ds[i].DeliveryTag
			links = append(links, trace.Link{SpanContext: creation, Attributes: said.Attributes()})
		}
	}
	ctx, span := t.messages.Start(ctx, s, &messaging.Message{BatchCount: len(ds)}, links...)
	own := make([]amqp.Delivery, len(ds))
	for i, d := range ds {
		said := describe(d.MessageId, d.CorrelationId, d.Headers)
		said.DeliveryTag = d.DeliveryTag
		d.Acknowledger = t.settled(ctx, d.Acknowledger, t.destination(d.Exchange, d.RoutingKey, queue), &said)
		own[i] = d
	}
	return ctx, own, t.end(ctx, span, s, len(ds), began)
}

// same tells whether all of ds were published to one destination.
func same(ds []amqp.Delivery) bool {
	for i := range ds {
		if ds[i].Exchange != ds[0].Exchange || ds[i].RoutingKey != ds[0].RoutingKey {
			return false
		}
	}
	return len(ds) > 0
}

func (t *Tracer) end(ctx context.Context, span trace.Span, s *messaging.Series, n int, began time.Time) func(error) {
	return func(err error) {
		failure := errorType(err)
		if failure != "" {
			messaging.Fail(span, failure, messaging.Describe(err))
		}
		span.End()
		t.messages.Processed(ctx, s, n, time.Since(began).Seconds(), failure)
	}
}
