package ledger

import (
	"time"

	"github.com/laban-io/laban/pkg/choreography"
	"github.com/laban-io/laban/pkg/flow"
)

// Batch is what some records of the log changed. It belongs to its caller, and
// may be used again after [Batch.Reset].
//
// Texts are stored as valid UTF-8 without NUL, of bounded length: bytes that are
// not are replaced by U+FFFD, and what is longer than 512 bytes (names, ids),
// 4 KiB (sentences) or 1 MiB (payloads) is cut. An id that this changes gets a
// hash of the original at its end, so that ids that differ stay different;
// [Ledger.Load] returns it as it was. Times outside the years 1970 to 2262 are
// stored as unknown.
type Batch struct {
	// Epoch is that of the observer, from [Ledger.TakeOver].
	Epoch int64
	// From is the position that the ledger must be at, and To the one after
	// the last record of the batch. They differ.
	From, To Position
	// Fingerprint identifies the last record before To.
	Fingerprint []byte
	// Tracker is the tracker's state at To without its flows, and Metrics the
	// state of what is counted there.
	Tracker, Metrics []byte

	// Contracts are those that came into force. One that is known already stays
	// as it is.
	Contracts []Contract
	// Flows are those that changed, as they are at To; one more than once in
	// the order in which it changed. Use [Batch.AddFlow].
	Flows []flow.Snapshot
	// Events, Transitions and Failures happened, in the order of the log. Those
	// of a flow stand in its history for as long as the ledger has the flow.
	Events      []Event
	Transitions []flow.Transition
	Failures    []Failure
	// Markers are to be exported once the batch is committed.
	Markers []Marker
	// Actions are what people did, as the log tells it.
	Actions []Action

	obligations []flow.Obligation
	traces      [][16]byte
	states      []byte
}

// Position is how far a log has been applied.
type Position struct {
	// LogID says which log.
	LogID string
	// Next is the offset of the first record that has not been applied; 0 where
	// none has been.
	Next uint64
}

// Contract is a contract that was in force from a record on.
type Contract struct {
	Hash, Name, Text string
	First            uint64
}

// ContractOf returns the row of a contract that the record at first announced.
func ContractOf(c *choreography.Choreography, first uint64) Contract {
	return Contract{Hash: c.Hash, Name: c.Name, Text: c.Text, First: first}
}

// Event is an event in the book of a flow: what the message said, and what the
// tracker made of it. Duplicates and truncated ones are left out by
// [Ledger.Commit]; they are deviations.
type Event struct {
	Record flow.Event
	Entry  flow.Entry
	// Payload is the message's data as text, where that is to be kept, already
	// redacted; "" keeps none.
	Payload string
}

// FailureKind is what went wrong with a message.
type FailureKind string

// The kinds of failure.
const (
	// Retried: a service failed, and will try again.
	Retried FailureKind = "retried"
	// Parked: a service failed for good.
	Parked FailureKind = "parked"
	// Unrouted: no queue took the event.
	Unrouted FailureKind = "unrouted"
	// Lost: the copy that should be retried or parked found no queue.
	Lost FailureKind = "lost"
)

// Failure is an attempt that failed, or a message that nobody received.
type Failure struct {
	Kind FailureKind
	// Choreography and FlowID say which flow, as far as that is known.
	Choreography, FlowID string
	EventID, Type        string
	Service              string
	// Attempt is the attempt that comes next, or of a parked message the last;
	// Of is how many there are. 0 is unknown.
	Attempt, Of int
	Error       string
	Offset      uint64
	LogTime     time.Time
}

// FailureOf returns the row of a retried or parked copy.
func FailureOf(f *flow.Failure, logTime time.Time) Failure {
	kind := Retried
	if f.Parked {
		kind = Parked
	}
	return Failure{
		Kind: kind, Choreography: f.FlowName, FlowID: f.FlowID, EventID: f.EventID, Type: f.Type, Service: f.Service,
		Attempt: f.Attempt, Of: f.Of, Error: f.Error, Offset: f.Offset, LogTime: logTime,
	}
}

// StrayOf returns the row of a message that no service receives.
func StrayOf(s *flow.Stray, logTime time.Time) Failure {
	kind := Unrouted
	if s.Lost {
		kind = Lost
	}
	return Failure{
		Kind: kind, Choreography: s.FlowName, FlowID: s.FlowID, EventID: s.EventID, Type: s.Type, Service: s.Service,
		Offset: s.Offset, LogTime: logTime,
	}
}

// Marker is a span to be exported once: complete, in the bytes in which it is
// sent as often as need be.
type Marker struct {
	// ID is given by the ledger, ascending in the order of the log.
	ID                   int64
	Choreography, FlowID string
	Kind                 string
	Data                 []byte
	Offset               uint64
}

// Action is what a person did.
type Action struct {
	At time.Time
	// Action says what: "closed", "redriven", "discarded".
	Action string
	// Actor says who, as far as that is known.
	Actor                string
	Choreography, FlowID string
	Service, EventID     string
	Reason               string
	// Offset is the record that tells it, where Logged is true.
	Offset uint64
	Logged bool
}

// AddFlow adds a flow as it is now. It copies what s refers to.
func (b *Batch) AddFlow(s *flow.Snapshot) {
	c := *s
	from := len(b.obligations)
	b.obligations = append(b.obligations, s.Obligations...)
	c.Obligations = b.obligations[from:len(b.obligations):len(b.obligations)]
	from = len(b.traces)
	b.traces = append(b.traces, s.Traces...)
	c.Traces = b.traces[from:len(b.traces):len(b.traces)]
	if s.State != nil {
		from = len(b.states)
		b.states = append(b.states, s.State...)
		c.State = b.states[from:len(b.states):len(b.states)]
	}
	b.Flows = append(b.Flows, c)
}

// Reset empties the batch, and keeps its memory.
func (b *Batch) Reset() {
	clear(b.Flows)
	clear(b.Events)
	clear(b.Transitions)
	clear(b.obligations)
	*b = Batch{
		Contracts:   b.Contracts[:0],
		Flows:       b.Flows[:0],
		Events:      b.Events[:0],
		Transitions: b.Transitions[:0],
		Failures:    b.Failures[:0],
		Markers:     b.Markers[:0],
		Actions:     b.Actions[:0],
		obligations: b.obligations[:0],
		traces:      b.traces[:0],
		states:      b.states[:0],
	}
}
