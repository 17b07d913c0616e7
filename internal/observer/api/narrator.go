package api

import (
	"context"
	"time"

	"github.com/laban-io/laban/internal/observer"
	"github.com/laban-io/laban/pkg/choreography"
)

// Narrator tells of flows and choreographies what the API answers, to pages that
// show the same. It is safe for concurrent use.
type Narrator struct{ api API }

// NewNarrator returns a narrator. Reader and Observer are needed.
func NewNarrator(cfg Config) (*Narrator, error) {
	cfg.setDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	n := &Narrator{}
	n.api.cfg = cfg
	n.api.contracts.observer, n.api.contracts.reader = cfg.Observer, cfg.Reader
	return n, nil
}

// Told is a flow with the sentence that says where it is.
type Told struct {
	Detail
	// Sentence is that of GET /api/v1/where, for this very flow.
	Sentence string
	// AsOf is the log time up to which the log has been read.
	AsOf time.Time
	// Rules are the contract that the flow began with, or nil where it can't be
	// read any more.
	Rules *choreography.Choreography
}

// Flow tells of a flow. Without a choreography it is the flow with that id which
// started last; [ledger.ErrNotFound] where there is none.
func (n *Narrator) Flow(ctx context.Context, choreographyName, id string) (*Told, error) {
	a, status := &n.api, n.api.cfg.Observer.Status()
	d, err := a.cfg.Reader.Flow(ctx, choreographyName, id)
	if err != nil {
		return nil, err
	}
	rules, err := a.contracts.of(ctx, d.Choreography, d.Rules)
	if err != nil {
		return nil, err
	}
	w := Where{AsOf: status.Log.Time}
	if err := a.parts(ctx, &w, &d); err != nil {
		return nil, err
	}
	t := &teller{location: a.cfg.Location, now: status.Log.Time, expected: w.ExpectedBy}
	if status.Role == observer.Active && status.Blind != observer.NotBlind {
		t.blind(&status)
	}
	t.tell(&d, rules)
	told := &Told{Sentence: t.String(), AsOf: status.Log.Time, Rules: rules}
	var outcomes choreography.Outcomes
	if rules != nil {
		outcomes = rules.Outcomes
	}
	told.Detail = detailFrom(&d, outcomes, a.clocks())
	return told, nil
}

// Choreography returns the contract in force with a name and how its reactions
// went for so long; nil where there is none.
func (n *Narrator) Choreography(ctx context.Context, name string, window time.Duration) (*choreography.Choreography, *Choreography, error) {
	a := &n.api
	c := a.contracts.inForce(name)
	if c == nil {
		return nil, nil, nil
	}
	now := a.now()
	stats, err := a.cfg.Reader.StepStats(ctx, c.Name, now.Add(-window))
	if err != nil {
		return nil, nil, err
	}
	view := choreographyFrom(c, stats, now, window)
	return c, &view, nil
}

// Lasting writes a duration as the sentences do: in two units at most.
func Lasting(d time.Duration) string { return lasting(d) }

// Alternatives joins words by "or", as the sentences do.
func Alternatives(all []string) string { return alternatives(all) }
