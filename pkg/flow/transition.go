package flow

import (
	"time"

	"github.com/laban-io/laban/pkg/choreography"
)

// Kind says what a transition is.
type Kind uint8

// The kinds of transition.
const (
	// Started: the flow's first start event came.
	Started Kind = iota
	// Changed: the flow's status changed, which From and To say. It comes after
	// the transitions that explain it.
	Changed
	// Paid: an obligation was met. Duration is the time it took. Late tells
	// that the answer came after the deadline.
	Paid
	// Overdue: an obligation's deadline passed in the log.
	Overdue
	// Reasoned: the cause of an overdue obligation is another one now.
	Reasoned
	// Recovered: an overdue obligation was met.
	Recovered
	// Lifted: an overdue obligation is not owed any more.
	Lifted
	// Ended: the flow has an outcome and owes nothing. Again tells that it had
	// ended before.
	Ended
	// Reopened: after the end something is owed again.
	Reopened
	// Deviated: the log departs from the contract; see Deviation.
	Deviated
	// Shut: a person, or abandon_after, closed the flow.
	Shut
	// Forgotten: the flow left the tracker's memory; what comes for it later
	// is of a flow without a start.
	Forgotten
)

// String returns the kind in lower case.
func (k Kind) String() string {
	switch k {
	case Started:
		return "started"
	case Changed:
		return "changed"
	case Paid:
		return "paid"
	case Overdue:
		return "overdue"
	case Reasoned:
		return "reasoned"
	case Recovered:
		return "recovered"
	case Lifted:
		return "lifted"
	case Ended:
		return "ended"
	case Reopened:
		return "reopened"
	case Deviated:
		return "deviated"
	case Shut:
		return "closed"
	case Forgotten:
		return "forgotten"
	default:
		return "invalid"
	}
}

// Transition is one change of one flow, caused by one record.
type Transition struct {
	Kind Kind
	// Choreography, FlowID and Key say which flow.
	Choreography, FlowID, Key string
	// At is the log time at which it became known, and Offset the record that
	// made it known.
	At     time.Time
	Offset uint64

	// From and To are the statuses before and after, of Changed. Class is the
	// flow's outcome, of Ended; Again tells that it is not the first end, and
	// Clean that nothing was ever overdue or inconsistent. Spoiled, of Changed,
	// tells that the flow is stalled or inconsistent for the first time, and had
	// not ended before.
	From, To Status
	Class    choreography.Class
	Again    bool
	Clean    bool
	Spoiled  bool

	// Obligation is the obligation's number within the flow, from 1, and Due
	// what it says; of Paid, Overdue, Reasoned, Recovered and Lifted. A flow at
	// a dead end owes obligation 0.
	Obligation int
	Due        Due
	// Finding is why it is overdue.
	Finding Finding
	// Late tells that the answer came after the deadline.
	Late bool
	// Duration is how long the obligation or the flow took, by the producers'
	// clocks, corrected and held within what the log's pulses allow.
	Duration time.Duration

	// Trace is where the event that explains the transition was published: the
	// start, the trigger of an obligation, the answer that paid it, or the last
	// event before a change of status or an end.
	Trace Trace
	// FlowTrace is the flow's own trace; zero where no event had one.
	FlowTrace [16]byte

	// Deviation and Detail say how the log departs from the contract.
	Deviation Deviation
	Detail    string
}

// Due is what is owed: by whom, on what, which answers, and until when.
type Due struct {
	Step    string
	Service string
	// On is the type of the event that made it owed, and Trigger that event's
	// number within the flow, from 1.
	On      string
	Trigger int
	// For are the answers of which one is owed.
	For []string
	// Since is the log time from which it is owed; Deadline is until when.
	Since, Deadline time.Time
	Side, Optional  bool
}

// Deviation is a way in which a log departs from its contract.
type Deviation uint8

// The deviations.
const (
	// Unexpected: an event that the contract allows but nothing explains.
	Unexpected Deviation = iota
	// WrongService: an event from a service that does not emit it.
	WrongService
	// Late: an answer after its deadline.
	Late
	// Duplicate: an event that came before, with the same id and source.
	Duplicate
	// UnknownType: an event of the flow that the contract does not know.
	UnknownType
	// Truncated: more events than the tracker keeps for a flow.
	Truncated

	deviations = iota
)

// Deviations are all deviations, in the order of their values.
func Deviations() []Deviation {
	all := make([]Deviation, deviations)
	for i := range all {
		all[i] = Deviation(i)
	}
	return all
}

// String returns the deviation as metrics name it.
func (d Deviation) String() string {
	switch d {
	case Unexpected:
		return "unexpected"
	case WrongService:
		return "wrong-service"
	case Late:
		return "late"
	case Duplicate:
		return "duplicate"
	case UnknownType:
		return "unknown-type"
	case Truncated:
		return "truncated"
	default:
		return "invalid"
	}
}

// Result is what one event did.
type Result struct {
	// Entries are the flows that took the event: one, most often; none where
	// Unclaimed says why.
	Entries     []Entry
	Unclaimed   Unclaimed
	Transitions []Transition
}

// Entry is an event in the book of a flow.
type Entry struct {
	Choreography, FlowID, Key string
	// Number is the event's place among the flow's events, from 1; of a
	// duplicate, that of the first.
	Number int
	// Cause is the number of the event that caused it, where that is known, or
	// 0. Inferred tells that it is what the contract suggests, since the event
	// does not say.
	Cause    int
	Inferred bool
	// LogTime is the pulse before the event; At is when it was most likely
	// published, in log time.
	LogTime, At time.Time
	// Duplicate and Truncated events change nothing; see [Deviation].
	Duplicate, Truncated bool
}

// Unclaimed is why no flow took an event.
type Unclaimed uint8

// The reasons. The zero value is of an event that a flow took.
const (
	Claimed Unclaimed = iota
	// NoChoreography: no contract in force has the flow's name, or the type of
	// an event that names no flow.
	NoChoreography
	// NoKey: the event says neither a flow nor a key.
	NoKey
	// NoRoom: the tracker is full.
	NoRoom
)

// String returns the reason as metrics name it.
func (u Unclaimed) String() string {
	switch u {
	case Claimed:
		return "claimed"
	case NoChoreography:
		return "no-choreography"
	case NoKey:
		return "no-key"
	case NoRoom:
		return "no-room"
	default:
		return "invalid"
	}
}
