// Package learn drafts a contract from the log of a system that nobody ever
// described. Records go in ([Log.Add], [Log.ReadLines]), a draft comes out
// ([Log.Draft]): a choreography, with comments that say how sure each part is,
// and the questions that no log can answer. It does no I/O and reads no clock.
//
// # How it goes about it
//
// A flow is the events of one flow id, or of one key; where a key comes back
// with a start, that is another flow. What counts is how often each type of
// event is in each flow: like the contract language, nearly all of this depends
// on which events there are, not on their order. A hypothesis, called a claim,
// is weighed by how many events it does not explain: answers that are owed by it
// and missing, and answers that nothing owes. Faults, such as stalled flows, cost
// all claims the same, so that they spoil none.
//
//   - Starts are the types that flows begin with, each of at least 2 % of them and
//     of at least half of those that have the type at all. Flows whose start is not in the log are left out; so are those that may go
//     on after its end: quiet for less than 5 times the pause that 95 of 100
//     events come within. Where fewer than half of the flows, or than 20, would
//     be left, none of these is.
//   - Candidates for what causes an answer are the types that its causation ids
//     name. Where no event of a service names a cause, they are the types of
//     other services that come before the last answer in 9 of 10 flows; such
//     reactions are marked as inferred. An answer that names no cause in 9 of 10
//     cases is unprompted, and so is one of which any claim explains less than
//     half.
//   - A plain reaction is the set of candidates each of which is answered once,
//     as numbers tell. Of sets that explain as much where only order tells, the
//     nearest in time wins; the others are told.
//   - Two answers are alternatives if they are explained better as one reaction
//     than as two; with causation ids, only if the same type caused both.
//   - A join is 2 to 4 types of which there are equally many, of which now the one
//     and now the other comes last (at least 1 in 20), and which are answered once.
//   - A condition is looked for where at least 3 answers are missing. "unless" is
//     a type that 9 of 10 of those flows have, and that at least 8 of 10 flows
//     have only where an answer is missing; "if" is the reverse, and comes before
//     the answer. Of equals, an event of the service itself wins.
//   - A compensation is answers of which there are as many as of something that
//     the same service emitted, where a trigger is there, and none elsewhere. It
//     has to explain at least 2 events more than a plain reaction; where the
//     numbers fit both, the answer's name decides (refunded, released …), and a
//     person is asked.
//   - A side effect answers at least 3 types and half of all, and nothing follows
//     from it. A person is asked.
//   - An outcome is an answer, or an unprompted event, after which only
//     compensations and side effects come, and that is the only such one in some
//     flow. It is a failure if it makes something be undone, or is named like one.
//     A person is always asked.
//   - A deadline is 3 times the 99th percentile of what was seen, at least 1 s,
//     rounded up to what a person would write. Times are the producers'; those of
//     a clock that is off are corrected by the log's times, or else so that
//     nothing is received before it was made.
//
// # What it costs
//
// Memory is bounded. Of an event some 100 bytes are kept, whatever is in it, of
// at most so many events as [NewLogOf] is told. Of a longer log half of the flows
// of the largest choreography are left out, and again, as whole flows, by a hash
// of their ids: which ones depends on nothing that is in them, and a flow that is
// kept is kept from its first event to its last. A draft compares at most one
// different history for 40 events that may be kept; where there are more, flows
// are left out for it in the same way. [Findings.OneIn] tells. Logs that fit are
// learned from whole.
//
// Reading takes time in proportion to the events, times the length of a flow for
// duplicates. Explaining takes, for each service that emits k types, some k²
// searches, twice where there are no causation ids. A search looks at up to 400
// histories for each of some thousand sets of triggers, and at all histories, and
// where causes are inferred at all flows that have the answers, for the best 30.
// A million events of the order system take seconds; with 200 types, of which 20
// are of each service and anything follows from anything, less than a minute.
//
// # What it can't tell
//
// Who only listens, what never happened while the log was written, and which of
// two events was the cause where they always come together. A type that one
// service emits under two reactions is learned as one reaction. Names of
// services are the events' sources, or the first words of their types.
package learn
