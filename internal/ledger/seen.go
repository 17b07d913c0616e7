package ledger

import (
	"hash/maphash"
	"time"

	"github.com/laban-io/laban/pkg/choreography"
	"github.com/laban-io/laban/pkg/flow"
)

// maxSeen bounds how many flows' obligations are remembered.
const maxSeen = 200_000

// seen remembers what the ledger has of the obligations of recent flows, so
// that of a flow with ten of them one is written when one changes. It may forget
// at any time: then all are written.
type seen struct {
	seed  maphash.Seed
	flows map[flowKey]*seenFlow
	// unsure tells that a batch has not been committed, as far as is known.
	unsure bool
}

type flowKey struct{ choreography, id string }

type seenFlow struct {
	hash        uint64
	obligations []seenObligation
}

type seenObligation struct {
	number int
	// terms is what is owed, and standing how far that has come.
	terms, standing uint64
}

// flowFields is what changes seldom in a flow, as maphash takes it.
type flowFields struct {
	status             flow.Status
	outcome            choreography.Class
	started, ended     time.Time
	first              uint64
	trace              [16]byte
	key, rules, reason string
}

// moved notes a flow, and tells whether the ledger has it but for what
// movedRow says.
func (s *seen) moved(f *flow.Snapshot) bool {
	fields := flowFields{
		status: f.Status, outcome: f.Outcome, started: f.Started.UTC().Round(0), ended: f.Ended.UTC().Round(0),
		first: f.First, key: f.Key, rules: f.Rules, reason: f.Reason,
	}
	if len(f.Traces) > 0 {
		fields.trace = f.Traces[0]
	}
	k, hash := keyOf(f), maphash.Comparable(s.seed, fields)
	known := s.flows[k]
	if known == nil {
		known = &seenFlow{}
		s.flows[k] = known
	}
	// A flow without a start may be one whose row tells how it ended before.
	same := known.hash == hash && f.State != nil && f.Status != flow.Unknown
	known.hash = hash
	return same
}

// terms is what is owed, but for the answers, as maphash takes it.
type terms struct {
	side, optional    bool
	trigger, answers  int
	step, service, on string
}

// standing is how far an obligation has come, as maphash takes it.
type standing struct {
	state                    flow.ObligationState
	cause                    flow.Cause
	certainty                flow.Certainty
	paidBy                   int
	since, deadline, overdue time.Time
	evidence                 string
}

func (s *seen) hash(o *flow.Obligation) seenObligation {
	t := maphash.Comparable(s.seed, terms{
		side: o.Side, optional: o.Optional, trigger: o.Trigger, answers: len(o.For), step: o.Step, service: o.Service, on: o.On,
	})
	for _, answer := range o.For {
		t = t*31 + maphash.String(s.seed, answer)
	}
	return seenObligation{number: o.Number, terms: t, standing: maphash.Comparable(s.seed, standing{
		state: o.State, cause: o.Finding.Cause, certainty: o.Finding.Certainty, paidBy: o.PaidBy,
		since: o.Since.UTC().Round(0), deadline: o.Deadline.UTC().Round(0), overdue: o.OverdueSince.UTC().Round(0),
		evidence: o.Finding.Evidence,
	})}
}

// news is what the ledger does not have of an obligation.
type news int

const (
	nothing  news = iota
	progress      // it has what is owed, but not how far that has come
	all
)

// changed notes an obligation of a flow that moved was called for, and tells
// what the ledger does not have of it.
func (s *seen) changed(k flowKey, o *flow.Obligation) news {
	f, now := s.flows[k], s.hash(o)
	for i := range f.obligations {
		if f.obligations[i].number != o.Number {
			continue
		}
		before := f.obligations[i]
		f.obligations[i] = now
		switch {
		case before == now:
			return nothing
		case before.terms == now.terms:
			return progress
		default:
			return all
		}
	}
	f.obligations = append(f.obligations, now)
	return all
}

// begin is called before a batch.
func (s *seen) begin() {
	if s.flows == nil || s.unsure || len(s.flows) > maxSeen {
		s.flows = make(map[flowKey]*seenFlow)
	}
	s.unsure = true
}

// forget is called when the tracker has forgotten a flow.
func (s *seen) forget(k flowKey) { delete(s.flows, k) }
