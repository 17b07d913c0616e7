package api

import (
	"time"

	"github.com/laban-io/laban/pkg/flow"
)

// Transition is one change of one flow. Members that say nothing of a change of
// its kind are absent.
type Transition struct {
	Kind         string    `json:"kind" enum:"started,changed,paid,overdue,reasoned,recovered,lifted,ended,reopened,deviated,closed,forgotten"`
	Choreography string    `json:"choreography"`
	FlowID       string    `json:"flow_id"`
	Key          string    `json:"key"`
	At           time.Time `json:"at,omitzero" doc:"The log time at which it became known"`
	Offset       uint64    `json:"offset" doc:"The record that made it known"`
	TraceID      string    `json:"trace_id,omitempty"`
	SpanID       string    `json:"span_id,omitempty"`

	From    string `json:"from,omitempty" doc:"The status before, of changed"`
	To      string `json:"to,omitempty" doc:"The status after, of changed"`
	Outcome string `json:"outcome,omitempty" enum:"completed,failed" doc:"Of ended"`
	Again   bool   `json:"again,omitempty" doc:"Of ended: not for the first time"`
	Clean   bool   `json:"clean,omitempty" doc:"Of ended: nothing was ever overdue or inconsistent"`

	Obligation *int      `json:"obligation,omitempty"`
	Step       string    `json:"step,omitempty"`
	Service    string    `json:"service,omitempty"`
	On         string    `json:"on,omitempty"`
	For        []string  `json:"for,omitempty" nullable:"false"`
	Since      time.Time `json:"since,omitzero"`
	Deadline   time.Time `json:"deadline,omitzero"`
	Cause      *Cause    `json:"cause,omitempty"`
	Late       bool      `json:"late,omitempty"`
	DurationMS *float64  `json:"duration_ms,omitempty"`

	Deviation string `json:"deviation,omitempty"`
	Detail    string `json:"detail,omitempty"`
}

func transitionFrom(t *flow.Transition) Transition {
	x := Transition{
		Kind: t.Kind.String(), Choreography: t.Choreography, FlowID: t.FlowID, Key: t.Key, At: t.At, Offset: t.Offset,
		TraceID: traceText(t.Trace.TraceID), SpanID: spanText(t.Trace.SpanID), Detail: t.Detail, Again: t.Again, Clean: t.Clean,
	}
	switch t.Kind {
	case flow.Changed:
		x.From, x.To = t.From.String(), t.To.String()
	case flow.Ended:
		x.Outcome = t.Class.String()
		x.DurationMS = duration(t.Duration)
	case flow.Deviated:
		x.Deviation = t.Deviation.String()
	case flow.Paid, flow.Overdue, flow.Reasoned, flow.Recovered, flow.Lifted:
		number := t.Obligation
		x.Obligation = &number
		x.Step, x.Service, x.On, x.For = t.Due.Step, t.Due.Service, t.Due.On, t.Due.For
		x.Since, x.Deadline, x.Late = t.Due.Since, t.Due.Deadline, t.Late
		if t.Kind != flow.Paid {
			x.Cause = causeFrom(&t.Finding)
		}
		if t.Kind == flow.Paid || t.Kind == flow.Recovered {
			x.DurationMS = duration(t.Duration)
		}
	default:
	}
	return x
}

func duration(d time.Duration) *float64 {
	ms := milliseconds(d)
	return &ms
}
