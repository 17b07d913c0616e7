package choreography

import (
	"slices"
	"time"
)

// Choreography is one contract: who reacts to what, with which outcomes, and
// within what time. It is immutable once parsed and safe for concurrent use.
//
// What it means depends on which events are in a flow, never on the order in
// which they came.
type Choreography struct {
	// Name is what flows are named after; see event.Event.FlowName.
	Name        string
	Description string
	// Starts are the types of the events that begin a flow.
	Starts   []string
	Outcomes Outcomes
	// Reactions are the rules, in the order of the file.
	Reactions []Reaction
	// Idle is how long a flow may be quiet when it has no outcome and nobody
	// owes it anything. Parse sets it to the longest Within where the file
	// does not say.
	Idle time.Duration
	// AbandonAfter closes a flow that has not ended so long after its start;
	// zero means never.
	AbandonAfter time.Duration
	// Events describes event types, where the file does.
	Events map[string]string

	// Text is the file as it was read, and Hash identifies it: the lower-case
	// hexadecimal SHA-256 of Text. A flow keeps the rules it began with, by
	// their hash.
	Text string
	Hash string

	source *source // where things are in the file; nil without one
}

// Outcomes are the types of the events that decide whether a flow went well.
type Outcomes struct {
	Completed []string
	Failed    []string
}

// Class is whether an outcome is a good one.
type Class int

// The classes. The zero value is of an event that is no outcome.
const (
	None Class = iota
	Completed
	Failed
)

// String returns the class in lower case, as contracts name it, or "".
func (c Class) String() string {
	switch c {
	case Completed:
		return "completed"
	case Failed:
		return "failed"
	default:
		return ""
	}
}

// Of returns the class of an event type.
func (o Outcomes) Of(eventType string) Class {
	switch {
	case slices.Contains(o.Completed, eventType):
		return Completed
	case slices.Contains(o.Failed, eventType):
		return Failed
	default:
		return None
	}
}

// Reaction is one rule: on these events, these services emit one of those,
// within that time.
type Reaction struct {
	// Name is the step's name; see [Reaction.Step].
	Name        string
	Description string
	// Services are who reacts: each of them on its own, where there are more
	// than one.
	Services []string
	// On is what the reaction waits for. Without it the reaction names what
	// its services emit unprompted.
	On Trigger
	// If owes the reaction only in a flow that has one of these events,
	// whenever it comes; Unless voids it, open or future, in a flow that has
	// one of those.
	If     []string
	Unless []string
	// Undoes makes the reaction a compensation: it is owed once for each event
	// of this type, however many of the triggers are there.
	Undoes string
	// Emits are the answers, of which one is owed. Without any the reaction
	// only listens.
	Emits []string
	// Within is the time for the answer, from the moment when it became owed.
	// Zero means no deadline, which only a reaction that owes nothing may have.
	Within time.Duration
	// Side reactions change neither the status nor the end of a flow.
	Side bool
	// Optional reactions never hold a flow open.
	Optional bool

	// Pos is where the reaction begins in the file.
	Pos Position
}

// Trigger is what a reaction waits for: any of some events, or all of them.
// Both are empty for a reaction without one.
type Trigger struct {
	Any []string
	All []string
}

// Types returns the event types of t.
func (t Trigger) Types() []string {
	if len(t.All) > 0 {
		return t.All
	}
	return t.Any
}

// Position is a place in a file, counted from 1. The zero value is unknown.
type Position struct {
	Line   int `json:"line"`
	Column int `json:"column"`
}
