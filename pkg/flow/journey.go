package flow

import (
	"cmp"
	"slices"
	"time"

	"github.com/laban-io/laban/pkg/choreography"
)

// Passage is one event of a flow, for [NewJourney].
type Passage struct {
	// Number is the event's place in its flow, from 1, and Cause that of the
	// event which caused it, or 0; see [Entry].
	Number, Cause int
	Inferred      bool
	Type, Source  string
	// Time is when the event was made and TriggerTime when its cause was
	// received, both by the clock of Source; zero where unknown.
	Time, TriggerTime time.Time
	// At is when it was most likely published, in log time; see [Entry].
	At time.Time
}

// Edge is the way from one event to the one that it caused.
type Edge struct {
	// From and To are the numbers of the two events.
	From, To int
	// Inferred tells that the contract suggests the cause, since the event does
	// not say it.
	Inferred bool
	// Total is the log time between the two. It is the sum of the three parts,
	// of which none is negative:
	//
	//   - Queue: from publishing the cause until the service received it.
	//   - Hand: from there until it made the event.
	//   - Relay: from there until the event was published.
	Total, Queue, Hand, Relay time.Duration
	// HandKnown tells that Hand was measured, by one clock. Otherwise Hand is 0,
	// and Queue is the time in queue and in hand together.
	HandKnown bool
	// HandCut tells that the service's clock claims a longer time in hand than
	// the whole edge took in log time; Hand is then all of Total.
	HandCut bool
}

// Journey is where the time of a flow went.
type Journey struct {
	// Edges are in the order of the events they lead to.
	Edges []Edge
	// Critical is the chain of causes that ends at the flow's last outcome: the
	// numbers of its events, the first cause first. It is empty where no outcome
	// is known.
	Critical []int
	// Total, Queue, Hand and Relay add up the edges of the critical path.
	// HandKnown tells that all of them have a measured time in hand.
	Total, Queue, Hand, Relay time.Duration
	HandKnown                 bool
}

// NewJourney works out where the time of a flow went. The time in hand is exact,
// since it is between two readings of one clock; the rest of an edge's log time
// is shared by queue and relay, as the corrected time at which the event was made
// suggests. No clock can make a part negative, or the parts sum up to anything
// but the log time.
//
// The passages need not be in order. Causes that are not among them, or that go
// round in a circle, end a chain.
func NewJourney(passages []Passage, clocks []Clock, outcomes choreography.Outcomes) Journey {
	events := slices.Clone(passages)
	slices.SortStableFunc(events, func(a, b Passage) int { return cmp.Compare(a.Number, b.Number) })
	index := make(map[int]int, len(events))
	for i := range events {
		index[events[i].Number] = i
	}
	offsets := make(map[string]time.Duration, len(clocks))
	for _, c := range clocks {
		offsets[c.Service] = c.Offset
	}

	var j Journey
	leading := make(map[int]int, len(events)) // the edge that leads to an event
	outcome := 0
	for i := range events {
		e := &events[i]
		if outcomes.Of(e.Type) != choreography.None {
			outcome = e.Number
		}
		from, known := index[e.Cause]
		if e.Cause == 0 || !known || e.Cause == e.Number {
			continue
		}
		leading[e.Number] = len(j.Edges)
		j.Edges = append(j.Edges, edge(&events[from], e, offsets[e.Source]))
	}
	j.follow(outcome, leading)
	return j
}

// edge shares the log time between two events.
func edge(from, to *Passage, offset time.Duration) Edge {
	e := Edge{From: from.Number, To: to.Number, Inferred: to.Inferred}
	if !from.At.IsZero() && !to.At.IsZero() {
		e.Total = max(to.At.Sub(from.At), 0)
	}
	if !to.Time.IsZero() && !to.TriggerTime.IsZero() {
		// A clock that was set back meanwhile measured nothing.
		if hand := to.Time.Sub(to.TriggerTime); hand >= 0 {
			e.HandKnown, e.HandCut = true, hand > e.Total
			e.Hand = min(hand, e.Total)
		}
	}
	rest := e.Total - e.Hand
	if !to.Time.IsZero() && !to.At.IsZero() {
		// A clock that puts the event's making further from the edge than pulses
		// are apart says nothing of when it was made.
		if relay := to.At.Sub(to.Time.Add(-offset)); relay > 0 && relay <= rest+gapAfter {
			e.Relay = min(relay, rest)
		}
	}
	e.Queue = rest - e.Relay
	return e
}

// follow goes from the outcome back to the first cause.
func (j *Journey) follow(outcome int, leading map[int]int) {
	seen := make(map[int]bool)
	j.HandKnown = true
	for at := outcome; at != 0 && !seen[at]; {
		seen[at] = true
		j.Critical = append(j.Critical, at)
		i, ok := leading[at]
		if !ok {
			break
		}
		e := &j.Edges[i]
		if seen[e.From] {
			break
		}
		j.Total += e.Total
		j.Queue += e.Queue
		j.Hand += e.Hand
		j.Relay += e.Relay
		j.HandKnown = j.HandKnown && e.HandKnown
		at = e.From
	}
	if len(j.Critical) < 2 {
		j.HandKnown = false
	}
	slices.Reverse(j.Critical)
}
