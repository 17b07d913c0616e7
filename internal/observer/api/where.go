package api

import (
	"context"
	"errors"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/laban-io/laban/internal/ledger"
	"github.com/laban-io/laban/internal/observer"
	"github.com/laban-io/laban/pkg/flow"
)

type whereInput struct {
	Key string `query:"key" required:"true" minLength:"1" maxLength:"1024" doc:"What people call the flow by, such as an order's number"`
}

// Where is where a flow is.
type Where struct {
	Key      string `json:"key" doc:"As asked"`
	Found    bool   `json:"found"`
	Sentence string `json:"sentence" doc:"The answer, for people"`
	Flow     *Flow  `json:"flow,omitempty" doc:"The flow that the sentence is about"`

	Service    string    `json:"service,omitempty" doc:"Whose turn it is"`
	On         string    `json:"on,omitempty" doc:"The event that it reacts to"`
	For        []string  `json:"for,omitempty" nullable:"false" doc:"The answers, of which one is owed"`
	Since      time.Time `json:"since,omitzero" doc:"Since when it is that service's turn"`
	Deadline   time.Time `json:"deadline,omitzero"`
	OverdueMS  float64   `json:"overdue_ms,omitempty" doc:"How long past the deadline the log has been read"`
	Cause      *Cause    `json:"cause,omitempty"`
	ExpectedBy time.Time `json:"expected_by,omitzero" doc:"When 95 % of the completed flows of this choreography were done, counted from the same event; absent where too few are known, and for a stalled flow"`

	Others []Flow    `json:"others" nullable:"false" doc:"Other flows with this key, the newest first, at most 10"`
	AsOf   time.Time `json:"as_of,omitzero" doc:"The log time up to which the log has been read"`
	Blind  string    `json:"blind,omitempty" enum:"broker-blocked,unreachable,lag,down" doc:"Why nothing can be said of the time after as_of"`
}

type whereOutput struct{ Body Where }

// Bounds of an answer.
const (
	maxOthers = 10
	// journeys is how many completed flows an expectation is made of, and
	// fewJourneys how many it takes at least.
	journeys    = 1000
	fewJourneys = 20
)

func (a *API) where(ctx context.Context, in *whereInput) (*whereOutput, error) {
	status := a.cfg.Observer.Status()
	flows, err := a.named(ctx, in.Key)
	if err != nil {
		return nil, a.asProblem(ctx, err)
	}
	out := &whereOutput{Body: Where{
		Key: in.Key, Others: []Flow{}, AsOf: status.Log.Time, Blind: string(status.Blind),
	}}
	w := &out.Body
	t := &teller{location: a.cfg.Location, now: status.Log.Time}
	if status.Role == observer.Active && status.Blind != observer.NotBlind {
		t.blind(&status)
	}
	if len(flows) == 0 {
		t.nothing(in.Key, a.cfg.Observer.Contracts())
		w.Sentence = t.String()
		return out, nil
	}
	chosen := choose(flows)
	d, err := a.cfg.Reader.Flow(ctx, flows[chosen].Choreography, flows[chosen].ID)
	if errors.Is(err, ledger.ErrNotFound) {
		// It was removed between two questions, for its age.
		return nil, huma.Error503ServiceUnavailable("the ledger has just changed; ask again")
	}
	if err != nil {
		return nil, a.asProblem(ctx, err)
	}
	rules, err := a.contracts.of(ctx, d.Choreography, d.Rules)
	if err != nil {
		return nil, a.asProblem(ctx, err)
	}
	if err := a.parts(ctx, w, &d); err != nil {
		return nil, a.asProblem(ctx, err)
	}
	t.expected = w.ExpectedBy
	t.tell(&d, rules)
	for i := range flows {
		if i != chosen && len(w.Others) < maxOthers {
			w.Others = append(w.Others, flowFrom(&flows[i]))
		}
	}
	t.others(w.Others, len(flows) > maxOthers+1)
	w.Sentence = t.String()
	return out, nil
}

// named returns the flows with a key; if there are none, those whose id or trace
// it is.
func (a *API) named(ctx context.Context, key string) ([]ledger.Flow, error) {
	flows, _, err := a.cfg.Reader.Flows(ctx, ledger.Filter{Key: key, Limit: maxOthers + 2})
	if err != nil || len(flows) > 0 {
		return flows, err
	}
	flows, _, err = a.cfg.Reader.Flows(ctx, ledger.Filter{Search: key, Limit: maxOthers + 2})
	return flows, err
}

// choose returns the flow that is asked for: the newest that goes on, or the
// newest.
func choose(flows []ledger.Flow) int {
	for i := range flows {
		if !ended(flows[i].Status) {
			return i
		}
	}
	return 0
}

// parts fills in what the sentence is made of.
func (a *API) parts(ctx context.Context, w *Where, d *ledger.Detail) error {
	f := flowFrom(&d.Flow)
	w.Found, w.Flow = true, &f
	o := turn(d.Waiting)
	if o == nil {
		return nil
	}
	w.Service, w.On, w.For, w.Since, w.Deadline = o.Service, o.On, o.For, o.Since, o.Deadline
	if !o.OverdueSince.IsZero() {
		w.OverdueMS = max(milliseconds(w.AsOf.Sub(o.Deadline)), 0)
		w.Cause = causeFrom(&o.Finding)
		return nil
	}
	if d.Status != flow.Running {
		return nil
	}
	var err error
	w.ExpectedBy, err = a.expected(ctx, d)
	return err
}

// turn is the obligation that a flow waits for: what is overdue comes first, then
// what has to be done soonest. Nil is none.
func turn(waiting []flow.Obligation) *flow.Obligation {
	var first *flow.Obligation
	for i := range waiting {
		o := &waiting[i]
		if o.Side || o.Optional {
			continue
		}
		if first == nil || before(o, first) {
			first = o
		}
	}
	return first
}

func before(a, b *flow.Obligation) bool {
	if overdue := !a.OverdueSince.IsZero(); overdue != !b.OverdueSince.IsZero() {
		return overdue
	}
	return !a.Deadline.IsZero() && (b.Deadline.IsZero() || a.Deadline.Before(b.Deadline))
}

// expected is when a flow should be done: so long after the newest event that
// somebody has to react to as 95 % of the completed flows took from there.
func (a *API) expected(ctx context.Context, d *ledger.Detail) (time.Time, error) {
	newest := 0
	for i := range d.Waiting {
		if o := &d.Waiting[i]; !o.Side && !o.Optional {
			newest = max(newest, o.Trigger)
		}
	}
	for i := range d.Events {
		e := &d.Events[i]
		if e.Entry.Number != newest || e.Entry.At.IsZero() {
			continue
		}
		left, err := a.cfg.Reader.Left(ctx, d.Choreography, e.Record.Type, journeys)
		if err != nil || len(left) < fewJourneys {
			return time.Time{}, err
		}
		return e.Entry.At.Add(left[(len(left)*95+99)/100-1]), nil
	}
	return time.Time{}, nil
}
