// Package tracing is the telemetry of a service: traces, metrics and logs that
// say which flow they belong to.
//
// [Start] sets all of it up from the OTEL_* variables, and [Telemetry.Hooks]
// attaches it to the bus:
//
//	t, err := tracing.Start(ctx, tracing.Config{Service: "payment", Version: "1.4.2"})
//	defer t.Shutdown(context.WithoutCancel(ctx))
//	b, err := bus.New(bus.Config{Service: "payment", Hooks: t.Hooks(), Logger: t.Logger}, transport)
//	http.Handle("/metrics", t.Handler())
//
// [NewHooks] is for programs that set up OpenTelemetry themselves; add a
// [FlowProcessor] to their tracer provider.
//
// # What it promises
//
//   - One flow is one trace. A message's span is both the parent of the span
//     that processes it and linked from it, every retry is a span of the same
//     trace, and what a later request publishes under [bus.WithFlow] goes into
//     the flow's trace, linked to the request's own
//     (docs/adr/0002-parent-and-link.md).
//   - Spans and metrics are those of OpenTelemetry's semantic conventions for
//     messaging, version 1.43.0. docs/reference/telemetry.md lists all of them.
//   - Every span and log line of a flow names it: laban.flow.id, laban.flow.key
//     and laban.flow.name. They come from the event's envelope. Baggage, and
//     attributes that strangers send, are never taken for them.
//   - Only W3C headers travel, so services in other languages take part.
//   - Telemetry never fails a message, never blocks one, and never panics on
//     what a message holds. What it has to drop is counted:
//     laban_telemetry_spans_dropped_total, laban_telemetry_errors_total.
//
// # What it does not do
//
// It does not find out where a flow is or whether it has stopped: that is the
// observer's, from the log. It does not sample by flow. And it instruments
// neither HTTP nor databases: give [Telemetry.TracerProvider] to otelhttp and
// otelsql.
package tracing
