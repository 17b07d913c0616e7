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
//   - After two pulses that are more than a second apart, or of two observers,
//     no deadline falls before the later one plus the obligation's time, at most
//     30 s of it.
//   - No verdict uses the time that an event says it was made.
//   - Where reactions share answers, as many obligations count as paid as can
//     be: first those that an answer can pay which their own trigger caused,
//     then any other, the oldest first.
//   - A compensation that pays nothing has the time of its reaction to find what
//     it undid; until then the flow does not end, after it is [Inconsistent].
//   - An obligation whose answer turns out to be that of another is open again,
//     with the deadline that it had. That it was paid is told once.
//
// # Which flow
//
// An event belongs to the flow whose id it carries. One without an id belongs
// to the newest flow with its key; a start event whose key is that of a flow
// that has ended begins another. An event that names no choreography belongs to
// every one that knows its type.
//
//   - Of a choreography that was retired no flow begins; those under way keep
//     their rules, and take the events that are theirs.
//   - An event before its start: the flow is [Unknown] until the start comes,
//     and owes nothing before.
//   - An event with the id and source of one before is a duplicate: it changes
//     nothing but the count of deviations.
//   - An event after the end: while the flow is remembered
//     ([Config.Tombstones]), one that owes something opens it again, and any
//     other is added to it. Later it begins a flow without a start.
//   - Two events of one type are two events: each owes what the contract says.
//   - A late event of a flow that is forgotten does not take its key away from a
//     flow that is under way.
//
// # Bounds
//
// Flows, events of a flow, and ended flows are bounded by [Config]. What does
// not fit is counted and makes a flow Unknown; nothing is guessed. After a
// [Gap] the flows under way are Unknown; those that have ended keep their ends,
// and nothing is claimed of what may still come for them.
//
// The memory of flows that are forgotten is kept for those that come, once
// [Tracker.Changed] has told of them: a tracker has as much as the most flows it
// ever had took.
//
// A Tracker is for one goroutine at a time.
package flow
