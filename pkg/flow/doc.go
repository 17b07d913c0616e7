// Package flow is the tracker: it knows where every flow of a choreography
// stands, and whose turn it is.
//
// A [Tracker] is a deterministic function of a log. It is told what the log
// says, record by record, and returns the transitions that each record caused.
// It does no I/O and reads no clock: log time advances by [Tracker.Pulse]
// alone. The same log gives the same verdicts, however it is cut.
//
// # Verdicts
//
// What a flow owes depends on which events it has, never on the order in which
// they came: [Tracker.Observe] judges the whole set of the flow's events each
// time one is added. See package choreography for what a contract means.
//
//   - A trigger counts from the pulse after it and an answer from the pulse
//     before it, so the doubt goes to the service.
//   - An obligation is overdue when a pulse is later than its deadline.
//   - After two pulses that are more than a second apart, no deadline falls
//     before the later one plus the obligation's time, at most 30 s of it.
//   - No verdict uses the time that an event says it was made.
//
// # Which flow
//
// An event belongs to the flow whose id it carries. One without an id belongs
// to the newest flow with its key; a start event whose key is that of a flow
// that has ended begins another. An event that names no choreography belongs to
// every one that knows its type.
//
//   - An event before its start: the flow is [Unknown] until the start comes,
//     and owes nothing before.
//   - An event with the id and source of one before is a duplicate: it changes
//     nothing but the count of deviations.
//   - An event after the end: while the flow is remembered
//     ([Config.Tombstones]), one that owes something opens it again, and any
//     other is added to it. Later it begins a flow without a start.
//   - Two events of one type are two events: each owes what the contract says.
//
// # Bounds
//
// Flows, events of a flow, and ended flows are bounded by [Config]. What does
// not fit is counted and makes a flow Unknown; nothing is guessed.
//
// A Tracker is for one goroutine at a time.
package flow
