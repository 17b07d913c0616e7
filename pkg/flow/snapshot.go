package flow

import (
	"time"

	"github.com/laban-io/laban/pkg/choreography"
)

// Snapshot is all there is to know of one flow at one moment. It is valid
// during the call that it is given to.
type Snapshot struct {
	Choreography string
	// Rules is the hash of the contract that the flow began with.
	Rules   string
	ID, Key string

	Status  Status
	Outcome choreography.Class
	// Started is when the start event was published, Updated when the last
	// event was, Ended when the flow ended; zero where it has not.
	Started, Updated, Ended time.Time
	// First and Last are the offsets of the flow's first and last event.
	First, Last uint64
	// Events is how many events the flow has, Deviations how many departures
	// from the contract, Stalls how often an obligation became overdue.
	Events, Deviations, Stalls int
	// Traces are the traces that its events were published in; the first is
	// the flow's own.
	Traces [][16]byte
	// Reason is why a person, or abandon_after, closed the flow.
	Reason string
	// Obligations are what is or was owed, by their numbers.
	Obligations []Obligation

	// State is what [Tracker.Restore] needs to go on; nil for a flow that has
	// left the tracker's memory.
	State []byte
}

// Obligation is one obligation of a flow.
type Obligation struct {
	// Number is the obligation's number within the flow, from 1; 0 is that of
	// a dead end.
	Number int
	Due
	State ObligationState
	// OverdueSince is the pulse that called it overdue; zero where none did.
	OverdueSince time.Time
	Finding      Finding
	// PaidBy is the number of the event that met it, or 0.
	PaidBy int
}

// ObligationState is where an obligation stands.
type ObligationState uint8

// The states of an obligation.
const (
	// Dormant: a condition is not met yet, or a compensation has no trigger.
	Dormant ObligationState = iota
	// Open: it is owed.
	Open
	// Met: an answer paid it.
	Met
	// Void: it is not owed any more.
	Void

	obligationStates = iota
)

// String returns the state in lower case.
func (s ObligationState) String() string {
	switch s {
	case Dormant:
		return "dormant"
	case Open:
		return "open"
	case Met:
		return "met"
	case Void:
		return "void"
	default:
		return "invalid"
	}
}

// Changed calls fn for each flow that changed since it was called last, in no
// order that means anything. The snapshot and all in it are valid during the call only.
// It has to be called from time to time, with nil where nobody wants to know:
// a flow that is over is kept until then.
func (t *Tracker) Changed(fn func(*Snapshot)) {
	for i, f := range t.dirty {
		t.dirty[i] = nil
		f.flags &^= flagDirty
		if fn != nil {
			fn(t.snap(f))
		}
		if f.is(flagGone) {
			t.pool.give(f)
		}
	}
	t.dirty = t.dirty[:0]
}

// Flow returns a snapshot of a flow that the tracker remembers, which is valid
// until the tracker is used again.
func (t *Tracker) Flow(choreography, id string) (*Snapshot, bool) {
	l := t.lines[choreography]
	if l == nil {
		return nil, false
	}
	f := l.flows.get(id)
	if f == nil {
		return nil, false
	}
	return t.snap(f), true
}

func (t *Tracker) snap(f *instance) *Snapshot {
	s := &t.snapshot
	*s = Snapshot{
		Choreography: f.line.name, Rules: f.program.contract.Hash, ID: f.id(), Key: f.key(),
		Status: f.status, Outcome: choreography.Class(f.class),
		Started: moment(f.started), Updated: moment(f.updated), Ended: moment(f.ended),
		First: f.first, Last: f.last,
		Events: len(f.events), Deviations: int(f.deviations), Stalls: int(f.stalls),
		Traces: s.Traces[:0], Obligations: s.Obligations[:0], State: s.State[:0],
	}
	if !f.is(flagEnded | flagClosed) {
		s.Ended = time.Time{}
	}
	if f.trace != [16]byte{} {
		s.Traces = append(s.Traces, f.trace)
	}
	if f.rare != nil {
		s.Traces = append(s.Traces, f.rare.traces...)
		s.Reason = f.rare.reason
	}
	if f.rare != nil && f.rare.deadEnd.found != 0 {
		s.Obligations = append(s.Obligations, f.deadEndObligation())
	}
	for i := range f.obligations {
		o := &f.obligations[i]
		if o.state == Dormant && o.owed == 0 {
			continue
		}
		s.Obligations = append(s.Obligations, Obligation{Number: i + 1, State: o.state, PaidBy: int(o.by)})
		x := &s.Obligations[len(s.Obligations)-1]
		f.dueOf(i, &x.Due)
		if o.flags&owedDelayed != 0 {
			d := f.delayOf(i)
			x.OverdueSince, x.Finding = moment(d.found), d.why
		}
	}
	if f.is(flagGone) {
		s.State = nil
	} else {
		s.State = f.appendState(s.State)
	}
	return s
}

// deadEndObligation is the dead end that f is at, or was at last.
func (f *instance) deadEndObligation() Obligation {
	d := &f.rare.deadEnd
	o := Obligation{Due: f.deadEndDue(), State: Void, OverdueSince: moment(d.found), Finding: d.why, PaidBy: int(d.by)}
	switch {
	case f.is(flagDeadEnd):
		o.State = Open
	case d.by != 0:
		o.State = Met
	}
	return o
}
