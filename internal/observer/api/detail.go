package api

import (
	"context"
	"time"

	"github.com/laban-io/laban/internal/ledger"
	"github.com/laban-io/laban/pkg/choreography"
	"github.com/laban-io/laban/pkg/flow"
)

// Detail is all that is known of one flow.
type Detail struct {
	Head
	Events       []Event       `json:"events" nullable:"false" doc:"In the order of the log"`
	Obligations  []Obligation  `json:"obligations" nullable:"false"`
	Deviations   []Deviation   `json:"deviations" nullable:"false"`
	Transitions  []Transition  `json:"transitions" nullable:"false"`
	Failures     []Failure     `json:"failures" nullable:"false"`
	Actions      []Action      `json:"actions" nullable:"false" doc:"What people did"`
	CriticalPath *CriticalPath `json:"critical_path,omitempty" doc:"Absent while no outcome is known"`
	TraceIDs     []string      `json:"trace_ids" nullable:"false" doc:"The traces of its events, its own first"`
}

// Event is one event of a flow. The three parts are those of the time since the
// event that caused it: they sum up to edge_ms, and are absent where the cause is
// not known.
type Event struct {
	Number      int       `json:"number"`
	ID          string    `json:"id"`
	Type        string    `json:"type"`
	Source      string    `json:"source" doc:"The service that emitted it"`
	Version     string    `json:"version,omitempty"`
	Time        time.Time `json:"time,omitzero" doc:"When it was made, by the clock of its source"`
	TriggerTime time.Time `json:"trigger_time,omitzero" doc:"When its cause was received, by the same clock"`
	LogTime     time.Time `json:"log_time,omitzero" doc:"The pulse before it"`
	At          time.Time `json:"at,omitzero" doc:"When it was most likely published, in log time"`
	Offset      uint64    `json:"offset"`
	CausationID string    `json:"causation_id,omitempty"`
	Cause       int       `json:"cause,omitempty" doc:"The number of the event that caused it"`
	Inferred    bool      `json:"inferred,omitempty" doc:"The cause is what the contract suggests"`
	EdgeMS      *float64  `json:"edge_ms,omitempty" doc:"The time since its cause, in milliseconds of log time"`
	QueueMS     *float64  `json:"queue_ms,omitempty" doc:"Until the service received the cause. Without hand_ms: in queue and in hand"`
	HandMS      *float64  `json:"hand_ms,omitempty" doc:"In the service's hand, by one clock; absent where it did not say"`
	HandCut     bool      `json:"hand_cut,omitempty" doc:"The service's clock claims more than the log allows"`
	RelayMS     *float64  `json:"relay_ms,omitempty" doc:"From being made until being published"`
	Attempt     int       `json:"attempt" doc:"At which attempt its source emitted it"`
	TraceID     string    `json:"trace_id,omitempty"`
	SpanID      string    `json:"span_id,omitempty"`
	Payload     string    `json:"payload,omitempty" doc:"Where payloads are kept"`
}

// CriticalPath is the chain of causes that ends at the flow's last outcome.
type CriticalPath struct {
	Events  []int    `json:"events" nullable:"false" doc:"Numbers of events, the first cause first"`
	TotalMS float64  `json:"total_ms"`
	QueueMS float64  `json:"queue_ms"`
	HandMS  *float64 `json:"hand_ms,omitempty" doc:"Absent where some service did not say; queue_ms has that time then"`
	RelayMS float64  `json:"relay_ms"`
}

// FlowParams names a flow. It is exported because huma looks no deeper.
type FlowParams struct {
	ID           string `path:"id" maxLength:"1024" doc:"The flow's id"`
	Choreography string `query:"choreography" maxLength:"200" doc:"Needed only where flows of several choreographies have this id; otherwise the one that started last is meant"`
}

type detailOutput struct{ Body Detail }

func (a *API) getFlow(ctx context.Context, in *FlowParams) (*detailOutput, error) {
	d, err := a.cfg.Reader.Flow(ctx, in.Choreography, in.ID)
	if err != nil {
		return nil, a.asProblem(ctx, err)
	}
	rules, err := a.contracts.of(ctx, d.Choreography, d.Rules)
	if err != nil {
		return nil, a.asProblem(ctx, err)
	}
	var outcomes choreography.Outcomes
	if rules != nil {
		outcomes = rules.Outcomes
	}
	return &detailOutput{Body: detailFrom(&d, outcomes, a.clocks())}, nil
}

func detailFrom(d *ledger.Detail, outcomes choreography.Outcomes, clocks []flow.Clock) Detail {
	out := Detail{
		Head:        headFrom(&d.Flow),
		Obligations: make([]Obligation, len(d.Obligations)), Deviations: make([]Deviation, len(d.Deviations)),
		Transitions: make([]Transition, len(d.Transitions)), Failures: make([]Failure, len(d.Failures)),
		Actions: make([]Action, len(d.Actions)), TraceIDs: texts(d.TraceIDs),
	}
	for i := range d.Obligations {
		o := &d.Obligations[i]
		out.Obligations[i] = Obligation{Waiting: waitingFrom(o), State: o.State.String(), OverdueSince: o.OverdueSince, PaidBy: o.PaidBy}
	}
	for i, v := range d.Deviations {
		out.Deviations[i] = Deviation{Kind: v.Kind.String(), Detail: v.Detail, At: v.At, Offset: v.Offset}
	}
	for i := range d.Transitions {
		out.Transitions[i] = transitionFrom(&d.Transitions[i])
	}
	for i := range d.Failures {
		f := &d.Failures[i]
		out.Failures[i] = Failure{
			Kind: string(f.Kind), EventID: f.EventID, Type: f.Type, Service: f.Service, Attempt: f.Attempt, Of: f.Of,
			Error: f.Error, Offset: f.Offset, LogTime: f.LogTime,
		}
	}
	for i, x := range d.Actions {
		out.Actions[i] = Action{Action: x.Action, By: x.Actor, At: x.At, Reason: x.Reason, Service: x.Service, EventID: x.EventID}
	}
	out.travel(d, outcomes, clocks)
	return out
}

// travel adds the events, with where the time between them went.
func (out *Detail) travel(d *ledger.Detail, outcomes choreography.Outcomes, clocks []flow.Clock) {
	passages := make([]flow.Passage, len(d.Events))
	ids := make(map[int]string, len(d.Events))
	for i := range d.Events {
		e, n := &d.Events[i].Record, &d.Events[i].Entry
		passages[i] = flow.Passage{
			Number: n.Number, Cause: n.Cause, Inferred: n.Inferred, Type: e.Type, Source: e.Source,
			Time: e.Time, TriggerTime: e.TriggerTime, At: n.At,
		}
		ids[n.Number] = e.ID
	}
	journey := flow.NewJourney(passages, clocks, outcomes)
	edges := make(map[int]*flow.Edge, len(journey.Edges))
	for i := range journey.Edges {
		edges[journey.Edges[i].To] = &journey.Edges[i]
	}
	out.Events = make([]Event, len(d.Events))
	for i := range d.Events {
		e, n := &d.Events[i].Record, &d.Events[i].Entry
		x := &out.Events[i]
		*x = Event{
			Number: n.Number, ID: e.ID, Type: e.Type, Source: e.Source, Version: e.Version, Time: e.Time, TriggerTime: e.TriggerTime,
			LogTime: n.LogTime, At: n.At, Offset: e.Offset, CausationID: e.CausationID, Cause: n.Cause, Inferred: n.Inferred,
			Attempt: attempt(d.Failures, ids[n.Cause], e), TraceID: traceText(e.Trace.TraceID), SpanID: spanText(e.Trace.SpanID),
			Payload: d.Events[i].Payload,
		}
		if edge := edges[n.Number]; edge != nil {
			x.EdgeMS, x.QueueMS, x.RelayMS = duration(edge.Total), duration(edge.Queue), duration(edge.Relay)
			x.HandCut = edge.HandCut
			if edge.HandKnown {
				x.HandMS = duration(edge.Hand)
			}
		}
	}
	if len(journey.Critical) == 0 {
		return
	}
	out.CriticalPath = &CriticalPath{
		Events: journey.Critical, TotalMS: milliseconds(journey.Total), QueueMS: milliseconds(journey.Queue), RelayMS: milliseconds(journey.Relay),
	}
	if journey.HandKnown {
		out.CriticalPath.HandMS = duration(journey.Hand)
	} else {
		out.CriticalPath.QueueMS += milliseconds(journey.Hand)
	}
}

// attempt is the attempt at which an event was emitted: the newest that was
// announced, before it, for its cause at its source.
func attempt(failures []ledger.Failure, cause string, e *flow.Event) int {
	n := 1
	for i := range failures {
		f := &failures[i]
		if f.Kind == ledger.Retried && cause != "" && f.EventID == cause && f.Service == e.Source && f.Offset < e.Offset {
			n = max(n, f.Attempt)
		}
	}
	return n
}

// clocks are the services' clock offsets.
func (a *API) clocks() []flow.Clock {
	services := a.cfg.Observer.Status().Services
	clocks := make([]flow.Clock, len(services))
	for i := range services {
		clocks[i] = flow.Clock{Service: services[i].Name, Offset: services[i].ClockOffset}
	}
	return clocks
}

// now is log time, by which everything is judged.
func (a *API) now() time.Time { return a.cfg.Observer.Status().Log.Time }
