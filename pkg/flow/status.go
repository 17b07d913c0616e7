package flow

// Status is where a flow stands.
type Status uint8

// The statuses. The zero value is Unknown: a flow whose start was never seen,
// or one that a log gap or a bound of the tracker touched. Nothing is claimed
// of it.
const (
	Unknown Status = iota
	// Running: it goes on, and nothing is overdue.
	Running
	// Compensating: it failed, and somebody still owes it something.
	Compensating
	// Stalled: at least one obligation is overdue.
	Stalled
	// Completed and Failed: it ended, well or badly, and owes nothing.
	Completed
	Failed
	// Inconsistent: it has outcomes of both classes, or something was undone
	// that was not done.
	Inconsistent
	// Closed: a person, or the contract's abandon_after, ended it.
	Closed

	statuses = iota
)

// Statuses are all statuses, in the order of their values.
func Statuses() []Status {
	all := make([]Status, statuses)
	for i := range all {
		all[i] = Status(i)
	}
	return all
}

// String returns the status in lower case.
func (s Status) String() string {
	switch s {
	case Unknown:
		return "unknown"
	case Running:
		return "running"
	case Compensating:
		return "compensating"
	case Stalled:
		return "stalled"
	case Completed:
		return "completed"
	case Failed:
		return "failed"
	case Inconsistent:
		return "inconsistent"
	case Closed:
		return "closed"
	default:
		return "invalid"
	}
}

// ParseStatus returns the status with the given name.
func ParseStatus(name string) (Status, bool) {
	for s := range Status(statuses) {
		if s.String() == name {
			return s, true
		}
	}
	return Unknown, false
}
