package flow

import (
	"time"

	"github.com/laban-io/laban/pkg/choreography"
)

// Place is where a record is in the log. Records are given to a tracker in
// the order of their offsets.
type Place struct {
	Offset uint64
}

// Event is an event of the log, as the tracker needs it. The tracker keeps no
// reference to it or to its strings, but for the id and key of a new flow.
type Event struct {
	Place
	ID     string
	Source string
	Type   string
	// Key is the flow's key: the event's subject, or what a mapping found.
	Key string
	// FlowName and FlowID name the flow; empty where the event does not say.
	FlowName string
	FlowID   string
	// CausationID is the ID of the event that caused this one, or empty.
	CausationID string
	// Time is when the event was made and TriggerTime when its cause was
	// received, both by the clock of Source; zero where unknown. No verdict
	// depends on them.
	Time        time.Time
	TriggerTime time.Time
	// Version is the version of Source.
	Version string
	// Trace is the trace context that the event travelled with.
	Trace Trace
}

// Trace is a W3C trace context: where a span is. The zero value is none.
type Trace struct {
	TraceID [16]byte
	SpanID  [8]byte
	Sampled bool
}

// IsZero tells whether there is no trace context.
func (t Trace) IsZero() bool { return t.TraceID == [16]byte{} }

// Pulse is the observer's tick in the log, by which alone log time advances.
type Pulse struct {
	Place
	// Time is log time: by the clock of the observer that sent it, and never
	// before the pulse before.
	Time time.Time
	// Anew tells that it is the first of an observer: how far its clock is from
	// that of the one before nobody can say, so that the time since the pulse
	// before is unknown, however short it looks.
	Anew bool
	// Queues is what that observer saw of services' queues just before.
	Queues []QueueSeen
}

// QueueSeen is one service's queue at a moment.
type QueueSeen struct {
	Service string
	Queue   string
	// Assumed tells that nothing says that the queue is the service's but that
	// it is called like it.
	Assumed bool
	// Missing tells that there is no such queue, and Hidden that there is one
	// which can't be looked at.
	Missing bool
	Hidden  bool
	// Ready is how many messages wait. Unacked is how many were handed out
	// and not settled, or -1 where that can't be seen. Consumers is how many
	// consume it.
	Ready     int64
	Unacked   int64
	Consumers int64
	// Counted is the moment in log time that Unacked is of, or later than; the
	// zero time says: that of the pulse.
	Counted time.Time
	// Bindings are the keys that the queue is bound by, where known is true.
	Bindings      []string
	BindingsKnown bool
}

// Failure is the copy of a message that a service failed to process.
type Failure struct {
	Place
	// EventID, FlowName, FlowID and Key say which event of which flow it is.
	EventID, Type, FlowName, FlowID, Key string
	Service                              string
	// Parked tells that the service gave up; otherwise it tries again.
	Parked bool
	// Attempt is the attempt that comes next, or of a parked message the last.
	Attempt int
	// Of is how many attempts there are, or 0 where unknown.
	Of    int
	Error string
}

// Stray is a message that ended where no service receives it.
type Stray struct {
	Place
	EventID, Type, FlowName, FlowID, Key string
	// Service is whose copy it was, of a lost one.
	Service string
	// Lost tells that it is a retried or parked copy for which there was no
	// queue; otherwise no queue took the event itself.
	Lost bool
}

// Announcement is a service saying in the log who it is.
type Announcement struct {
	Place
	Service, Version, Instance, Queue string
	Bindings, Emits                   []string
	// Attempts is how many times the service tries a message before it parks
	// it, or 0 where it does not say.
	Attempts int
}

// Rules is a contract that the log says is in force from here on.
type Rules struct {
	Place
	Choreography *choreography.Choreography
}

// Retirement is the log's word that a choreography has no contract any more.
type Retirement struct {
	Place
	Choreography string
}

// Closing is a person's word that a flow is over.
type Closing struct {
	Place
	Choreography, FlowID string
	Reason, By           string
}

// Redrive is a person's putting a message back into a service's queue.
type Redrive struct {
	Place
	EventID, FlowName, FlowID, Key, Service string
}

// Gap is a break of the log: records between the last one and the next may be
// missing.
type Gap struct {
	Place
	Reason string
}
