// Package amqptrace traces Go code that uses amqp091-go as it is, without
// package bus. It writes the same spans, metrics and headers as the bus does:
// those of OpenTelemetry's semantic conventions for messaging, version 1.43.0.
//
//	tracer := amqptrace.New(amqptrace.WithURL(url))
//	ch := tracer.Channel(channel)                                    // publishes as before
//	err := tracer.Process(ctx, "payment", delivery, handle)          // handles a delivery
//
// It uses OpenTelemetry's global providers and propagator, or those that
// options name. docs/guides/trace-plain-amqp091.md shows a whole program.
//
// # What it promises
//
//   - The span of a publish is the parent of the span that processes the
//     message, and is linked from it. The messages of a batch are linked only,
//     since a span has one parent (docs/adr/0002-parent-and-link.md).
//   - Headers that a caller passes are cloned before anything is written to them.
//   - Whatever a message holds, nothing panics, and a message is never held up
//     or failed by its telemetry.
//   - Nothing of the client changes: a [Channel] is a *amqp.Channel, and errors
//     come back as they are.
//
// # What it does not do
//
// A publish ends when the client has written the message, not when the broker
// has confirmed it: see [Channel.PublishWithContext]. Messages that are fetched
// one by one with Channel.Get get a span for being processed, and none for
// being received. It reconnects nothing, retries nothing and knows no flows,
// but names the flow of a message whose headers do.
package amqptrace
