package flow

// Cause is why an obligation is overdue.
type Cause uint8

// The causes, from the most to the least exact. Each is read from evidence in
// the log; see [Evidence].
const (
	// CauseUnknown: nothing is known of the message or of the owner's queue.
	CauseUnknown Cause = iota
	// Unrouted: no queue took the event.
	Unrouted
	// NotBound: the owner's queue does not ask for the event.
	NotBound
	// Lost: the copy that should be tried again or parked found no queue.
	Lost
	// Parked: the owner failed for good, and the message waits for a person.
	Parked
	// Retrying: the owner failed, and will try again.
	Retrying
	// NoConsumer: nobody consumes the owner's queue.
	NoConsumer
	// Backlog: messages wait in the owner's queue.
	Backlog
	// Taken: the owner was handed messages which it has not settled.
	Taken
	// Silent: the owner has settled all it was given, and emitted nothing.
	Silent
	// DeadEnd: no outcome is known and nobody owes anything.
	DeadEnd

	causes = iota
)

// Causes are all causes, in the order of their values.
func Causes() []Cause {
	all := make([]Cause, causes)
	for i := range all {
		all[i] = Cause(i)
	}
	return all
}

// String returns the cause as metrics and sentences name it.
func (c Cause) String() string {
	switch c {
	case CauseUnknown:
		return "unknown"
	case Unrouted:
		return "unrouted"
	case NotBound:
		return "not-bound"
	case Lost:
		return "lost"
	case Parked:
		return "parked"
	case Retrying:
		return "retrying"
	case NoConsumer:
		return "no-consumer"
	case Backlog:
		return "backlog"
	case Taken:
		return "taken"
	case Silent:
		return "silent"
	case DeadEnd:
		return "dead-end"
	default:
		return "invalid"
	}
}

// ParseCause returns the cause with the given name.
func ParseCause(name string) (Cause, bool) {
	for c := range Cause(causes) {
		if c.String() == name {
			return c, true
		}
	}
	return CauseUnknown, false
}

// Certainty is how sure a cause is.
type Certainty uint8

// The certainties.
const (
	// Guess: the evidence allows it, and nothing more exact is known.
	Guess Certainty = iota
	// Likely: the evidence is of the queue, not of this message.
	Likely
	// Certain: the evidence names this message, or leaves no other way.
	Certain
)

// String returns the certainty in lower case.
func (c Certainty) String() string {
	switch c {
	case Guess:
		return "guess"
	case Likely:
		return "likely"
	case Certain:
		return "certain"
	default:
		return "invalid"
	}
}

// Finding is a cause with what it was read from.
type Finding struct {
	Cause     Cause
	Certainty Certainty
	// Evidence says in a sentence what was seen, and what was missing where
	// that made the finding less exact.
	Evidence string
}
