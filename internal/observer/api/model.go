package api

import (
	"encoding/hex"
	"time"

	"github.com/laban-io/laban/internal/ledger"
	"github.com/laban-io/laban/pkg/flow"
)

// Head is what lists and details of flows have in common.
type Head struct {
	ID           string    `json:"id" doc:"Unique within its choreography"`
	Choreography string    `json:"choreography"`
	Key          string    `json:"key" doc:"What people call the flow by, such as an order's number"`
	Status       string    `json:"status" enum:"unknown,running,compensating,stalled,completed,failed,inconsistent,closed"`
	Outcome      string    `json:"outcome,omitempty" enum:"completed,failed" doc:"Absent while none is known, or where there are both"`
	StartedAt    time.Time `json:"started_at,omitzero" doc:"Log time; absent where the start was never seen"`
	UpdatedAt    time.Time `json:"updated_at" doc:"Log time of the last event"`
	EndedAt      time.Time `json:"ended_at,omitzero"`
	TraceID      string    `json:"trace_id,omitempty" doc:"The flow's own trace"`
	EventCount   int       `json:"event_count"`
	Stalls       int       `json:"stalls" doc:"How often something was overdue"`
	Reason       string    `json:"reason,omitempty" doc:"Why it was closed"`
	Waiting      []Waiting `json:"waiting" nullable:"false" doc:"What is owed to it now, the earliest deadline first"`
}

// Flow is a flow in a list.
type Flow struct {
	Head
	Deviations int `json:"deviations" doc:"How often the log departs from the contract"`
}

// Waiting is something that a service owes a flow.
type Waiting struct {
	Number   int       `json:"number" doc:"The obligation's number within the flow; 0 is a dead end"`
	Step     string    `json:"step"`
	Service  string    `json:"service" doc:"Whose turn it is"`
	On       string    `json:"on" doc:"The event that made it owed"`
	Trigger  int       `json:"trigger" doc:"The number of that event"`
	For      []string  `json:"for" nullable:"false" doc:"The answers, of which one is owed"`
	Since    time.Time `json:"since,omitzero"`
	Deadline time.Time `json:"deadline,omitzero"`
	Overdue  bool      `json:"overdue"`
	Side     bool      `json:"side" doc:"It changes neither the status nor the end"`
	Optional bool      `json:"optional"`
	Cause    *Cause    `json:"cause,omitempty" doc:"Why it is overdue"`
}

// Cause is why something is overdue.
type Cause struct {
	Kind      string `json:"kind" enum:"unknown,unrouted,not-bound,lost,parked,retrying,no-consumer,backlog,taken,silent,dead-end"`
	Certainty string `json:"certainty" enum:"guess,likely,certain"`
	Evidence  string `json:"evidence" doc:"What was seen, and what was missing"`
}

// Obligation is something that is or was owed.
type Obligation struct {
	Waiting
	State        string    `json:"state" enum:"dormant,open,met,void"`
	OverdueSince time.Time `json:"overdue_since,omitzero"`
	PaidBy       int       `json:"paid_by,omitempty" doc:"The number of the event that met it"`
}

// Deviation is a departure from the contract.
type Deviation struct {
	Kind   string    `json:"kind" enum:"unexpected,wrong-service,late,duplicate,unknown-type,truncated"`
	Detail string    `json:"detail"`
	At     time.Time `json:"at,omitzero"`
	Offset uint64    `json:"offset"`
}

// Failure is an attempt that failed, or a message that nobody received.
type Failure struct {
	Kind    string    `json:"kind" enum:"retried,parked,unrouted,lost"`
	EventID string    `json:"event_id"`
	Type    string    `json:"type"`
	Service string    `json:"service,omitempty"`
	Attempt int       `json:"attempt,omitempty" doc:"The attempt that comes next; of a parked message the last"`
	Of      int       `json:"of,omitempty"`
	Error   string    `json:"error,omitempty"`
	Offset  uint64    `json:"offset"`
	LogTime time.Time `json:"log_time,omitzero"`
}

// Action is what a person did.
type Action struct {
	Action  string    `json:"action" enum:"closed,redriven,discarded"`
	By      string    `json:"by,omitempty"`
	At      time.Time `json:"at,omitzero"`
	Reason  string    `json:"reason,omitempty"`
	Service string    `json:"service,omitempty" doc:"Whose message was redriven or discarded; absent of an unrouted one"`
	EventID string    `json:"event_id,omitempty" doc:"The message"`
}

func headFrom(f *ledger.Flow) Head {
	h := Head{
		ID: f.ID, Choreography: f.Choreography, Key: f.Key, Status: f.Status.String(), Outcome: f.Outcome.String(),
		StartedAt: f.Started, UpdatedAt: f.Updated, EndedAt: f.Ended, TraceID: f.TraceID,
		EventCount: f.Events, Stalls: f.Stalls, Reason: f.Reason, Waiting: make([]Waiting, len(f.Waiting)),
	}
	for i := range f.Waiting {
		h.Waiting[i] = waitingFrom(&f.Waiting[i])
	}
	return h
}

func waitingFrom(o *flow.Obligation) Waiting {
	w := Waiting{
		Number: o.Number, Step: o.Step, Service: o.Service, On: o.On, Trigger: o.Trigger, For: texts(o.For), Since: o.Since, Deadline: o.Deadline,
		Side: o.Side, Optional: o.Optional,
	}
	if !o.OverdueSince.IsZero() {
		w.Overdue = o.State == flow.Open
		w.Cause = causeFrom(&o.Finding)
	}
	return w
}

func causeFrom(f *flow.Finding) *Cause {
	return &Cause{Kind: f.Cause.String(), Certainty: f.Certainty.String(), Evidence: f.Evidence}
}

// texts is never null in JSON.
func texts(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

func traceText(id [16]byte) string {
	if id == ([16]byte{}) {
		return ""
	}
	return hex.EncodeToString(id[:])
}

func spanText(id [8]byte) string {
	if id == ([8]byte{}) {
		return ""
	}
	return hex.EncodeToString(id[:])
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// ended tells whether a flow is over.
func ended(s flow.Status) bool {
	return s == flow.Completed || s == flow.Failed || s == flow.Closed
}
