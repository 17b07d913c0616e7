package flow_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/laban-io/laban/pkg/choreography"
	"github.com/laban-io/laban/pkg/flow"
)

// teller tells a tracker what a history says.
type teller struct {
	tracker *flow.Tracker
	offset  uint64
}

func tellerOf(c *choreography.Choreography) *teller {
	tell := &teller{tracker: flow.New(flow.Config{})}
	tell.offset++
	tell.tracker.Rules(&flow.Rules{Place: flow.Place{Offset: tell.offset}, Choreography: c})
	return tell
}

func (tell *teller) tell(r modelRecord) []flow.Transition {
	tell.offset++
	place := flow.Place{Offset: tell.offset}
	if r.eventType == "" {
		return tell.tracker.Pulse(&flow.Pulse{Place: place, Time: r.at})
	}
	return tell.tracker.Observe(&flow.Event{
		Place: place, ID: r.id, Source: r.source, Type: r.eventType, CausationID: r.cause,
		FlowName: "random", FlowID: "F", Key: "k",
	}).Transitions
}

// TestItJudgesAsThePlainRulesDo compares the tracker with a model of the same
// rules after each record of random histories under random contracts: status,
// what is owed since when, what is overdue since when, and how often.
func TestItJudgesAsThePlainRulesDo(t *testing.T) {
	check(t, func(t *rapid.T) {
		c := drawContract(t)
		m := &model{c: c}
		tell := tellerOf(c)
		status := flow.Unknown
		defer func() {
			if t.Failed() {
				t.Logf("contract: %+v\nrecords: %+v", c.Reactions, m.records)
			}
		}()
		for _, r := range drawHistory(t, c, 18) {
			for _, tr := range tell.tell(r) {
				if tr.Kind == flow.Changed {
					require.Equal(t, status, tr.From)
					status = tr.To
				}
			}
			if r.eventType != "" {
				m.event(r)
			} else {
				m.pulse(r.at)
			}
			got, known := tell.tracker.Flow("random", "F")
			if !known {
				require.Empty(t, m.verdict)
				continue
			}
			want := m.view()
			if want.doubtful {
				continue
			}
			require.Equal(t, want.status.String(), got.Status.String())
			require.Equal(t, got.Status, status)
			require.Equal(t, want.open, openOf(got))
			require.Equal(t, want.stalls, got.Stalls)
		}
	})
}

// TestTheOrderOfEventsIsOfNoConsequence tells the same events in two orders:
// what is owed in the end is the same.
func TestTheOrderOfEventsIsOfNoConsequence(t *testing.T) {
	check(t, func(t *rapid.T) {
		c := drawContract(t)
		history := drawHistory(t, c, 14)
		events := slices.DeleteFunc(slices.Clone(history), func(r modelRecord) bool { return r.eventType == "" })
		ends := make([][]string, 2)
		for i := range ends {
			tell := tellerOf(c)
			tell.tell(history[0])
			for _, e := range events {
				tell.tell(e)
			}
			at := history[0].at
			for range 200 {
				at = at.Add(900 * 1e6)
				tell.tell(modelRecord{at: at})
			}
			if s, known := tell.tracker.Flow("random", "F"); known {
				for _, o := range s.Obligations {
					if o.State == flow.Open && !o.Optional && !o.Side && o.Number > 0 {
						ends[i] = append(ends[i], o.State.String())
					}
				}
				ends[i] = append(ends[i], s.Status.String(), s.Outcome.String())
			}
			events = rapid.Permutation(events).Draw(t, "order")
		}
		require.Equal(t, ends[0], ends[1])
	})
}
