// Package marker writes what became of a flow into the flow's own trace, as
// spans: that it started, stalled, recovered and ended.
//
// A tracing backend shows work when it has been done, so an order that nobody
// works on shows nothing. A marker shows the wait itself: a red bar from the
// event that nobody answered to the deadline, with whose turn it was and why.
//
// [From] makes a marker of a transition. It is stored in the ledger with the
// batch that caused it, and an [Exporter] sends it afterwards.
//
// # What it promises
//
//   - A marker depends on its transition alone. The same log gives the same
//     bytes, so a marker that is sent again, or made again by a replay, is the
//     same span. Backends that fold identical spans, as Jaeger does, show it
//     once.
//   - Markers of unsampled flows are exported too, and those of flows without
//     trace context go into a trace of their own; see [TraceID].
//   - Their times are log time.
//   - Text that comes from messages is bounded, and has no passwords of URLs.
//   - A collector that does not answer costs the observer nothing but its
//     markers' delay. One that refuses a marker for good gets it once.
//
// # What it does not do
//
// It does not use OpenTelemetry's SDK: see
// docs/adr/0007-marker-spans-as-bytes.md. It has no queue: that is the ledger.
package marker
