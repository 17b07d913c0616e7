// Package learntest holds a contract that was learned against the one that a
// system really follows: by what a tracker says of histories under either of
// them. It is for tests.
package learntest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/laban-io/laban/pkg/choreography"
	"github.com/laban-io/laban/pkg/flow"
)

// patience is every deadline while histories are judged: deadlines are what a
// log tells least of, and are not compared.
const patience = 5 * time.Minute

// Judge tells a tracker the events of one flow under a contract, and returns
// what it says of the flow after each of them and, as the last, when all
// deadlines are over: status, class, and who owes what.
func Judge(c *choreography.Choreography, events []flow.Event) []string {
	patient := *c
	patient.Hash, patient.Idle, patient.AbandonAfter = "patient "+c.Name, patience, 0
	patient.Reactions = slices.Clone(c.Reactions)
	for i := range patient.Reactions {
		if patient.Reactions[i].Within > 0 {
			patient.Reactions[i].Within = patience
		}
	}
	t := flow.New(flow.Config{})
	offset, now := uint64(0), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	place := func() flow.Place {
		offset++
		return flow.Place{Offset: offset}
	}
	t.Rules(&flow.Rules{Place: place(), Choreography: &patient})
	pulse := func(d time.Duration) {
		now = now.Add(d)
		t.Pulse(&flow.Pulse{Place: place(), Time: now})
	}
	pulse(0)
	said := make([]string, 0, len(events)+1)
	for _, e := range events {
		e.Place, e.FlowName, e.FlowID = place(), patient.Name, "the flow"
		t.Observe(&e)
		pulse(250 * time.Millisecond)
		said = append(said, state(t, patient.Name))
	}
	// In steps, since after a gap of pulses deadlines are put off.
	for end := now.Add(2*patience + time.Minute); now.Before(end); {
		pulse(time.Second)
	}
	return append(said, state(t, patient.Name))
}

// state is what the tracker says of the flow.
func state(t *flow.Tracker, name string) string {
	f, ok := t.Flow(name, "the flow")
	if !ok {
		return "no flow"
	}
	var owed []string
	for _, o := range f.Obligations {
		if o.State == flow.Open && !o.Side && !o.Optional {
			answers := slices.Sorted(slices.Values(o.For))
			owed = append(owed, o.Service+" owes "+strings.Join(answers, "|"))
		}
	}
	slices.Sort(owed)
	return fmt.Sprintf("%s %s %s", f.Status, f.Outcome, owed)
}
