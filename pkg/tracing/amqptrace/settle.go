package amqptrace

import (
	"context"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/laban-io/laban/pkg/tracing/internal/messaging"
)

// acknowledger traces how a delivery is settled.
type acknowledger struct {
	amqp.Acknowledger
	tracer *Tracer
	ctx    context.Context //nolint:containedctx // that of the processing span; Ack takes none
	to     messaging.Destination
	said   messaging.Message
}

// settled returns a with its calls traced. A delivery that was made by hand may
// have none.
func (t *Tracer) settled(ctx context.Context, a amqp.Acknowledger, to messaging.Destination, said *messaging.Message) amqp.Acknowledger {
	if a == nil {
		return nil
	}
	return &acknowledger{Acknowledger: a, tracer: t, ctx: ctx, to: to, said: *said}
}

// Ack acknowledges the delivery and, with multiple, all before it.
func (a *acknowledger) Ack(tag uint64, multiple bool) error {
	return a.settle("ack", func() error { return a.Acknowledger.Ack(tag, multiple) })
}

// Nack gives the delivery back, to be handed out again or dead-lettered.
func (a *acknowledger) Nack(tag uint64, multiple, requeue bool) error {
	return a.settle("nack", func() error { return a.Acknowledger.Nack(tag, multiple, requeue) })
}

// Reject gives the delivery back, to be handed out again or dead-lettered.
func (a *acknowledger) Reject(tag uint64, requeue bool) error {
	return a.settle("reject", func() error { return a.Acknowledger.Reject(tag, requeue) })
}

func (a *acknowledger) settle(operation string, do func() error) error {
	s := a.tracer.messages.Series(messaging.Settle(operation), a.to)
	began, ctx := time.Now(), a.ctx
	if !a.tracer.settleSpans.Want(operation == "ack") {
		err := do()
		a.tracer.messages.Settled(ctx, s, time.Since(began).Seconds(), errorType(err))
		return err
	}
	ctx, span := a.tracer.messages.Start(ctx, s, &a.said)
	err := do()
	failure := errorType(err)
	if failure != "" {
		messaging.Fail(span, failure, messaging.Describe(err))
	}
	span.End()
	a.tracer.messages.Settled(ctx, s, time.Since(began).Seconds(), failure)
	return err
}
