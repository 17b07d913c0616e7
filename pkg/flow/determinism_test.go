package flow_test

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/laban-io/laban/pkg/choreography"
	"github.com/laban-io/laban/pkg/flow"
)

// anyRecord is a record of any kind, at an offset.
type anyRecord struct {
	what  string
	flow  string
	apply func(*flow.Tracker, flow.Place) []flow.Transition
}

// drawRecord draws a record about one of a few flows of two choreographies.
func drawRecord(t *rapid.T, contracts []*choreography.Choreography, now *time.Time, n int) anyRecord {
	id := rapid.SampledFrom([]string{"F1", "F2", "F3", "F4"}).Draw(t, "flow")
	c := rapid.SampledFrom(contracts).Draw(t, "choreography")
	event := fmt.Sprint("e", max(0, n-rapid.IntRange(0, 12).Draw(t, "recent")))
	service := rapid.SampledFrom(someServices).Draw(t, "service")
	kind := rapid.IntRange(0, 99).Draw(t, "kind")
	switch {
	case kind < 60:
		e := drawEvent(t, c, []modelRecord{{id: event, eventType: "a"}})
		told := flow.Event{
			ID: fmt.Sprint("e", n), Source: e.source, Type: e.eventType, CausationID: e.cause, FlowName: c.Name, FlowID: id, Key: "k" + id[1:],
			Time: now.Add(time.Duration(rapid.IntRange(-5000, 5000).Draw(t, "skew")) * time.Millisecond),
		}
		told.Trace.TraceID[0], told.Trace.SpanID[0] = byte(rapid.IntRange(0, 3).Draw(t, "trace")), byte(n)
		switch {
		case maybe(t, 20, "begins"):
			told.Type, told.Source = "a", "p"
		case maybe(t, 10, "again"):
			told.ID = event
		}
		switch rapid.IntRange(0, 9).Draw(t, "identity") {
		case 0, 1:
			told.FlowID = ""
		case 2:
			told.FlowID, told.FlowName = "", ""
		case 3:
			told.Key = ""
		}
		return anyRecord{"event", id, func(tracker *flow.Tracker, at flow.Place) []flow.Transition {
			e := told
			e.Place = at
			return tracker.Observe(&e).Transitions
		}}
	case kind < 85:
		*now = now.Add(rapid.SampledFrom([]time.Duration{250 * time.Millisecond, 900 * time.Millisecond, 5 * time.Second, time.Minute}).Draw(t, "step"))
		p := flow.Pulse{Time: *now}
		if maybe(t, 30, "seen") {
			p.Queues = append(p.Queues, flow.QueueSeen{
				Service: service, Queue: service, Missing: maybe(t, 10, "missing"),
				Ready: int64(rapid.IntRange(0, 2).Draw(t, "ready")), Unacked: int64(rapid.IntRange(-1, 1).Draw(t, "unacked")),
				Consumers: int64(rapid.IntRange(0, 2).Draw(t, "consumers")),
				Hidden:    maybe(t, 10, "hidden"), Assumed: maybe(t, 10, "assumed"), BindingsKnown: maybe(t, 50, "bound"), Bindings: []string{"#"},
			})
			if maybe(t, 50, "counted") {
				p.Queues[0].Counted = now.Add(-time.Duration(rapid.IntRange(0, 20).Draw(t, "before")) * time.Second)
			}
		}
		return anyRecord{"pulse", "", func(tracker *flow.Tracker, at flow.Place) []flow.Transition {
			p.Place = at
			return tracker.Pulse(&p)
		}}
	default:
		return drawRare(t, c, id, event, service, kind)
	}
}

// drawRare draws a record of a kind of which there are few.
func drawRare(t *rapid.T, c *choreography.Choreography, id, event, service string, kind int) anyRecord {
	switch {
	case kind < 89:
		attempt, parked := rapid.IntRange(1, 4).Draw(t, "attempt"), rapid.Bool().Draw(t, "parked")
		return anyRecord{"failure", id, func(tracker *flow.Tracker, at flow.Place) []flow.Transition {
			return tracker.Fail(&flow.Failure{Place: at, EventID: event, FlowName: c.Name, FlowID: id, Service: service, Parked: parked, Attempt: attempt, Error: "no"})
		}}
	case kind < 91:
		lost := rapid.Bool().Draw(t, "lost")
		return anyRecord{"stray", id, func(tracker *flow.Tracker, at flow.Place) []flow.Transition {
			return tracker.Stray(&flow.Stray{Place: at, EventID: event, FlowName: c.Name, FlowID: id, Service: service, Lost: lost})
		}}
	case kind < 93:
		return anyRecord{"redrive", id, func(tracker *flow.Tracker, at flow.Place) []flow.Transition {
			return tracker.Redrive(&flow.Redrive{Place: at, EventID: event, FlowName: c.Name, FlowID: id, Service: service})
		}}
	case kind < 96:
		bindings := drawSome(t, someTypes, 0, 6, "bindings")
		return anyRecord{"announcement", "", func(tracker *flow.Tracker, at flow.Place) []flow.Transition {
			return tracker.Announce(&flow.Announcement{Place: at, Service: service, Version: "1", Instance: event, Queue: service, Bindings: bindings, Attempts: 3})
		}}
	case kind < 98:
		return anyRecord{"closing", id, func(tracker *flow.Tracker, at flow.Place) []flow.Transition {
			return tracker.Close(&flow.Closing{Place: at, Choreography: c.Name, FlowID: id, Reason: "mended", By: "jane"})
		}}
	case kind < 99:
		changed := *c
		changed.Hash += "+"
		changed.Outcomes.Failed = slices.Concat(c.Outcomes.Failed, []string{"new"})
		return anyRecord{"rules", "", func(tracker *flow.Tracker, at flow.Place) []flow.Transition {
			return tracker.Rules(&flow.Rules{Place: at, Choreography: &changed})
		}}
	default:
		return anyRecord{"gap", "", func(tracker *flow.Tracker, at flow.Place) []flow.Transition {
			return tracker.Gap(&flow.Gap{Place: at, Reason: "trimmed"})
		}}
	}
}

// drawContracts draws two choreographies that share their types.
func drawContracts(t *rapid.T) []*choreography.Choreography {
	one, two := drawContract(t), drawContract(t)
	two.Name, two.Hash = "second", "second-1"
	two.AbandonAfter = time.Duration(rapid.IntRange(0, 1).Draw(t, "abandon")) * time.Minute
	return []*choreography.Choreography{one, two}
}

// book is what a ledger keeps of a tracker.
type book struct {
	flows map[string]flow.Snapshot
	state []byte
}

func newBook() *book { return &book{flows: map[string]flow.Snapshot{}} }

func (b *book) write(tracker *flow.Tracker) {
	tracker.Changed(func(s *flow.Snapshot) {
		kept := *s
		kept.Traces, kept.Obligations = slices.Clone(s.Traces), slices.Clone(s.Obligations)
		kept.State = slices.Clone(s.State)
		if len(kept.Traces) == 0 {
			kept.Traces = nil
		}
		if len(kept.Obligations) == 0 {
			kept.Obligations = nil
		}
		b.flows[s.Choreography+"/"+s.ID] = kept
	})
	b.state = tracker.State()
}

// open makes a tracker of what a ledger kept.
func (b *book) open(t require.TestingT, cfg flow.Config, known []*choreography.Choreography) *flow.Tracker {
	tracker := flow.New(cfg)
	for _, c := range known {
		tracker.Know(c)
	}
	require.NoError(t, tracker.Restore(b.state))
	for _, s := range b.flows { // in any order
		if s.State != nil {
			require.NoError(t, tracker.RestoreFlow(s.Choreography, s.Rules, s.ID, s.Key, s.State))
		}
	}
	tracker.Restored()
	return tracker
}

// TestALogCutAnywhereGivesTheSame lets a second tracker go on from what was
// written down of the first, as after a restart. From there on both say the
// same of every record, and have the same in the end.
func TestALogCutAnywhereGivesTheSame(t *testing.T) {
	check(t, func(t *rapid.T) {
		contracts := drawContracts(t)
		cfg := flow.Config{
			MaxFlows: rapid.SampledFrom([]int{3, 100}).Draw(t, "flows"), MaxEvents: rapid.SampledFrom([]int{6, 100}).Draw(t, "events"),
			MaxTombstones: rapid.SampledFrom([]int{1, 100}).Draw(t, "tombstones"),
		}
		known := slices.Clone(contracts)
		for _, c := range contracts {
			changed := *c
			changed.Hash += "+"
			changed.Outcomes.Failed = slices.Concat(c.Outcomes.Failed, []string{"new"})
			known = append(known, &changed)
		}
		first, kept := flow.New(cfg), newBook()
		for _, c := range contracts {
			first.Rules(&flow.Rules{Choreography: c})
		}
		now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		n := rapid.IntRange(1, 60).Draw(t, "length")
		cut := rapid.IntRange(0, n).Draw(t, "cut")
		var second *flow.Tracker
		rest := newBook()
		for i := range n {
			if i == cut {
				kept.write(first)
				second = kept.open(t, cfg, known)
				for k, s := range kept.flows {
					rest.flows[k] = s
				}
			}
			r := drawRecord(t, contracts, &now, i)
			said := append([]flow.Transition{}, r.apply(first, flow.Place{Offset: uint64(i + 1)})...)
			if second != nil {
				require.Equal(t, said, append([]flow.Transition{}, r.apply(second, flow.Place{Offset: uint64(i + 1)})...), r.what)
			}
			require.Equal(t, first.CountedSurvey(), first.Survey(), r.what)
			if second != nil {
				require.Equal(t, second.CountedSurvey(), second.Survey(), r.what)
			}
			if maybe(t, 20, "written") {
				kept.write(first)
			}
		}
		if second == nil {
			return
		}
		kept.write(first)
		rest.write(second)
		require.Equal(t, kept.flows, rest.flows)
		require.JSONEq(t, string(kept.state), string(rest.state))
		require.Equal(t, first.Survey(), second.Survey())
		require.Equal(t, first.Live(), second.Live())
		require.Equal(t, first.Clocks(), second.Clocks())
		require.Equal(t, first.Announced(), second.Announced())
		require.Equal(t, first.Queues(), second.Queues())
	})
}

// TestUnrelatedFlowsDoNotMatter tells a log again with the records of different
// flows in another order between the same pulses: each flow comes out the same.
func TestUnrelatedFlowsDoNotMatter(t *testing.T) {
	check(t, func(t *rapid.T) {
		contracts := drawContracts(t)[:1]
		now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		var log []anyRecord
		for i := range rapid.IntRange(1, 50).Draw(t, "length") {
			if r := drawRecord(t, contracts, &now, i); r.what != "rules" {
				log = append(log, r)
			}
		}
		end := func(log []anyRecord) map[string]flow.Snapshot {
			tracker, b := flow.New(flow.Config{}), newBook()
			tracker.Rules(&flow.Rules{Choreography: contracts[0]})
			for i, r := range log {
				r.apply(tracker, flow.Place{Offset: uint64(i + 1)})
			}
			b.write(tracker)
			for k, s := range b.flows {
				s.First, s.Last, s.State = 0, 0, nil
				b.flows[k] = s
				if s.Choreography+"/"+s.ID != k || len(s.ID) > 2 { // named after its offset
					delete(b.flows, k)
				}
			}
			return b.flows
		}
		moved := slices.Clone(log)
		for from := 0; from < len(moved); {
			to := from
			for to < len(moved) && moved[to].flow != "" {
				to++
			}
			order := rapid.Permutation([]string{"F1", "F2", "F3", "F4"}).Draw(t, "order")
			slices.SortStableFunc(moved[from:to], func(a, b anyRecord) int {
				return cmp.Compare(slices.Index(order, a.flow), slices.Index(order, b.flow))
			})
			from = to + 1
		}
		require.Equal(t, end(log), end(moved))
	})
}
