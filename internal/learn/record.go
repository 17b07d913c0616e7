package learn

import "time"

// Record is one event of a log, in the order of the log. Only Type, and one of
// FlowID and Key, are needed; the more there is, the more can be learned.
type Record struct {
	// Type says what happened, and Source which service said so. Where there is
	// no source, the first word of the type stands for it.
	Type   string
	Source string
	// FlowName is the choreography, and FlowID one run of it. Key is what else
	// tells runs apart, such as an order's number.
	FlowName string
	FlowID   string
	Key      string
	// ID is the event's own and CausationID that of the event that caused it.
	ID          string
	CausationID string
	// Time is when the event was made and TriggerTime when its cause was
	// received, both by the clock of Source. LogTime is when the log had it, by
	// one clock for all. Each may be zero.
	Time        time.Time
	TriggerTime time.Time
	LogTime     time.Time
}
