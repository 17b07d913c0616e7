package amqptrace

import (
	"context"
	"maps"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"go.opentelemetry.io/otel/trace"

	"github.com/laban-io/laban/pkg/tracing/internal/messaging"
)

// Channel is a *amqp.Channel whose publishes are traced. All else is the
// channel's own. It is as safe for concurrent use as that is.
type Channel struct {
	*amqp.Channel
	tracer *Tracer
}

// Channel returns ch with its publishes traced. It costs next to nothing: wrap
// every channel when it is opened.
func (t *Tracer) Channel(ch *amqp.Channel) *Channel { return &Channel{Channel: ch, tracer: t} }

// PublishWithContext is that of amqp.Channel in a span, whose context travels
// in the message. The span is a child of ctx's, and ends when the message is
// written. A channel in confirm mode may learn later that the broker refused
// it: wait for the confirmation under ctx's own span if that is to show.
//
// A message that has trace context in its headers already keeps it, and the
// span is linked to it.
func (c *Channel) PublishWithContext(ctx context.Context, exchange, key string, mandatory, immediate bool, msg amqp.Publishing) error {
	end := c.tracer.Publish(ctx, exchange, key, &msg)
	err := c.Channel.PublishWithContext(ctx, exchange, key, mandatory, immediate, msg)
	end(err)
	return err
}

// PublishWithDeferredConfirmWithContext is that of amqp.Channel in a span; see
// [Channel.PublishWithContext].
func (c *Channel) PublishWithDeferredConfirmWithContext(ctx context.Context, exchange, key string, mandatory, immediate bool, msg amqp.Publishing) (*amqp.DeferredConfirmation, error) {
	end := c.tracer.Publish(ctx, exchange, key, &msg)
	confirmation, err := c.Channel.PublishWithDeferredConfirmWithContext(ctx, exchange, key, mandatory, immediate, msg)
	end(err)
	return confirmation, err
}

// Publish is that of amqp.Channel in a span that begins a trace of its own; use
// [Channel.PublishWithContext].
func (c *Channel) Publish(exchange, key string, mandatory, immediate bool, msg amqp.Publishing) error {
	return c.PublishWithContext(context.Background(), exchange, key, mandatory, immediate, msg)
}

// PublishWithDeferredConfirm is that of amqp.Channel in a span that begins a
// trace of its own; use [Channel.PublishWithDeferredConfirmWithContext].
func (c *Channel) PublishWithDeferredConfirm(exchange, key string, mandatory, immediate bool, msg amqp.Publishing) (*amqp.DeferredConfirmation, error) {
	return c.PublishWithDeferredConfirmWithContext(context.Background(), exchange, key, mandatory, immediate, msg)
}

// Publish starts the span of publishing msg, and writes its context into msg's
// headers, which become a table of msg's own. Call the function that it returns
// once, with the error of publishing. It is for code that has its own way to
// publish; for a channel there is [Channel].
func (t *Tracer) Publish(ctx context.Context, exchange, key string, msg *amqp.Publishing) (end func(error)) {
	began := time.Now()
	said := describe(msg.MessageId, msg.CorrelationId, msg.Headers)
	op := messaging.Publish()
	var links []trace.Link
	creation := t.creation(msg.Headers)
	if creation.IsValid() {
		op = messaging.Forward()
		links = append(links, trace.Link{SpanContext: creation})
	}
	s := t.messages.Series(op, t.destination(exchange, key, ""))
	ctx, span := t.messages.Start(ctx, s, &said, links...)
	if !creation.IsValid() {
		headers := maps.Clone(msg.Headers)
		if headers == nil {
			headers = make(amqp.Table, 2)
		}
		t.propagator.Inject(ctx, HeaderCarrier(headers))
		msg.Headers = headers
	}
	return func(err error) {
		failure := errorType(err)
		if failure != "" {
			messaging.Fail(span, failure, messaging.Describe(err))
		}
		span.End()
		t.messages.Sent(ctx, s, time.Since(began).Seconds(), failure)
	}
}
