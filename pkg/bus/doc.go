// Package bus is how a service takes part in a choreography: it publishes the
// events it emits and handles those it reacts to, over any [Transport].
//
//	b, err := bus.New(bus.Config{Service: "payment", Version: "1.4.2"}, transport)
//	b.Handle(bus.Typed(func(ctx context.Context, e event.Event, order Order) error {
//		…
//		return b.Publish(ctx, event.New("payment.confirmed", receipt))
//	}), "stock.confirmed")
//	err = b.Run(ctx)
//
// What the service does not do is the point. Flow id, causation, trigger time,
// service version and trace context travel from the handler's context to what
// it publishes.
//
// # What it promises
//
//   - A message is delivered at least once, and ends as processed, or parked
//     where a person finds it, or dropped because the handler said so.
//   - What a handler's error means is said by the error: [Retry], [RetryAfter],
//     [Permanent], [Drop]; any other error is retried by [Config.RetryLevels].
//     A retry never holds up the queue.
//   - Events of one flow are handled one at a time and in the order in which
//     they came, until one of them fails. Nothing may depend on it.
//   - A panic in a handler is a retry, never a crash.
//
// # What it does not do
//
// It does not make effects happen once: that takes the service's database, see
// package outbox. And it knows no telemetry: tracing and metrics are [Hook]s,
// see package tracing.
package bus
