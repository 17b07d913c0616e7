package ledger_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/ledger"
	"github.com/laban-io/laban/pkg/choreography"
	"github.com/laban-io/laban/pkg/flow"
)

// TestHistoryIsAsItWas gives a flow one of everything, in two batches, and a
// second flow that must not get in.
func TestHistoryIsAsItWas(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		w := takeOver(t, open(t, url))
		o, other := order{n: 1, events: 8, begin: start(), first: 10}, order{n: 2, events: 8, begin: start(), first: 30}
		var b ledger.Batch
		var said []ledger.Event
		var transitions []flow.Transition
		for e := range 8 {
			from := len(b.Transitions)
			o.add(&b, e+1)
			said = append(said, b.Events[len(b.Events)-1])
			transitions = append(transitions, b.Transitions[from:]...)
			if e == 3 {
				b.AddFlow(o.snapshot())
				w.commit(t, &b, 14)
				b.Reset()
			}
		}
		b.Events[0].Payload = `{"order":"1"}`
		said[4].Payload = `{"order":"1"}`
		copied := b.Events[0]
		copied.Entry.Duplicate = true
		b.Events = append(b.Events, copied)
		copied.Entry.Duplicate, copied.Entry.Truncated = false, true
		b.Events = append(b.Events, copied)
		due := flow.Due{Step: "a|b", Service: "payment", On: "x", Since: after(1), Deadline: after(2)}
		finding := flow.Finding{Cause: flow.Backlog, Certainty: flow.Likely, Evidence: "7 messages wait"}
		about := flow.Transition{Choreography: "order", FlowID: o.id(), Key: o.key(), At: after(time.Minute), Offset: 40}
		for _, change := range []func(*flow.Transition){
			func(tr *flow.Transition) { tr.Kind, tr.Obligation, tr.Due, tr.Finding = flow.Overdue, 3, due, finding },
			func(tr *flow.Transition) { tr.Kind, tr.Obligation, tr.Due, tr.Finding = flow.Reasoned, 3, due, finding },
			func(tr *flow.Transition) {
				tr.Kind, tr.Obligation, tr.Due, tr.Finding = flow.Recovered, 3, due, finding
				tr.Duration = 5
			},
			func(tr *flow.Transition) { tr.Kind, tr.Obligation, tr.Due, tr.Finding = flow.Lifted, 3, due, finding },
			func(tr *flow.Transition) {
				tr.Kind, tr.Obligation, tr.Due, tr.Late, tr.Duration = flow.Paid, 3, due, true, time.Hour
			},
			func(tr *flow.Transition) { tr.Kind, tr.From, tr.To = flow.Changed, flow.Stalled, flow.Compensating },
			func(tr *flow.Transition) {
				tr.Kind, tr.Class, tr.Again, tr.Duration = flow.Ended, choreography.Failed, true, 9
			},
			func(tr *flow.Transition) {
				tr.Kind, tr.Deviation, tr.Detail = flow.Deviated, flow.WrongService, "not by delivery"
			},
			func(tr *flow.Transition) { tr.Kind = flow.Reopened },
			func(tr *flow.Transition) { tr.Kind, tr.Detail = flow.Shut, "by hand" },
			func(tr *flow.Transition) { tr.Kind = flow.Forgotten },
		} {
			tr := about
			change(&tr)
			b.Transitions = append(b.Transitions, tr)
			transitions = append(transitions, tr)
		}
		failures := []ledger.Failure{
			ledger.FailureOf(&flow.Failure{Place: flow.Place{Offset: 41}, EventID: said[1].Record.ID, Type: "stock.confirmed", FlowName: "order", FlowID: o.id(),
				Service: "payment", Attempt: 2, Of: 5, Error: "no answer"}, after(1)),
			ledger.FailureOf(&flow.Failure{Place: flow.Place{Offset: 42}, EventID: said[1].Record.ID, Type: "stock.confirmed", Service: "payment",
				Parked: true, Attempt: 5, Of: 5, Error: "no answer"}, after(2)), // it does not say of which flow
			ledger.StrayOf(&flow.Stray{Place: flow.Place{Offset: 43}, EventID: said[2].Record.ID, FlowName: "order", FlowID: o.id()}, after(3)),
			ledger.StrayOf(&flow.Stray{Place: flow.Place{Offset: 44}, EventID: said[2].Record.ID, FlowName: "order", FlowID: o.id(), Service: "payment", Lost: true}, after(4)),
		}
		require.Equal(t, []ledger.FailureKind{ledger.Retried, ledger.Parked, ledger.Unrouted, ledger.Lost},
			[]ledger.FailureKind{failures[0].Kind, failures[1].Kind, failures[2].Kind, failures[3].Kind})
		b.Failures = append(append([]ledger.Failure(nil), failures...), ledger.Failure{Kind: ledger.Parked, Choreography: "order", FlowID: other.id(), EventID: "elsewhere"})
		closed := ledger.Action{At: after(5), Action: "closed", Actor: "ada", Choreography: "order", FlowID: o.id(), Reason: "mended", Offset: 45, Logged: true}
		b.Actions = []ledger.Action{closed}
		s := o.snapshot()
		s.Traces = append(s.Traces, trace(7), trace(8))
		s.Obligations[3].Finding = flow.Finding{Cause: flow.Silent, Certainty: flow.Certain, Evidence: "x"}
		s.Obligations[3].OverdueSince = after(77)
		b.AddFlow(s)
		other.whole(&b)
		w.commit(t, &b, 50)
		discarded := ledger.Action{At: after(6), Action: "discarded", Choreography: "order", FlowID: o.id(), Service: "payment", EventID: "e"}
		require.NoError(t, w.Record(t.Context(), discarded))

		d, err := w.Flow(t.Context(), "", o.id())
		require.NoError(t, err)
		for i := range said { // what the ledger does not keep
			said[i].Record.Trace.Sampled = false
		}
		for i := range transitions {
			transitions[i].Due.For, transitions[i].Due.Trigger = nil, 0
		}
		require.Empty(t, cmp.Diff(said, d.Events))
		require.Empty(t, cmp.Diff(transitions, d.Transitions, cmp.Comparer(func(a, b flow.Due) bool {
			return a.Step == b.Step && a.Service == b.Service && a.On == b.On && a.Since.Equal(b.Since) && a.Deadline.Equal(b.Deadline)
		})))
		require.Empty(t, cmp.Diff(s.Obligations, d.Obligations))
		require.Empty(t, cmp.Diff(failures, d.Failures))
		require.Equal(t, []ledger.DeviationRow{{Kind: flow.WrongService, Detail: "not by delivery", At: after(time.Minute), Offset: 40}}, d.Deviations)
		require.Equal(t, []string{hexTrace(1), hexTrace(7), hexTrace(8)}, d.TraceIDs)
		require.Equal(t, []ledger.Action{closed, discarded}, d.Actions)
		require.Equal(t, o.key(), d.Key)

		audit, err := w.Audit(t.Context(), 10)
		require.NoError(t, err)
		require.Equal(t, []ledger.Action{discarded, closed}, audit)
	})
}

func TestFlowIsFoundByNameAndID(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		w := takeOver(t, open(t, url))
		var b ledger.Batch
		for i, name := range []string{"order", "return"} {
			b.AddFlow(&flow.Snapshot{Choreography: name, ID: "1", State: []byte("x"), Started: after(time.Duration(i))})
		}
		w.commit(t, &b, 1)
		for name, want := range map[string]string{"": "return", "order": "order", "return": "return"} {
			d, err := w.Flow(t.Context(), name, "1")
			require.NoError(t, err)
			require.Equal(t, want, d.Choreography)
		}
		for _, name := range []string{"", "order"} {
			_, err := w.Flow(t.Context(), name, "2")
			require.ErrorIs(t, err, ledger.ErrNotFound)
		}
		_, err := w.Flow(t.Context(), "no such", "1")
		require.ErrorIs(t, err, ledger.ErrNotFound)
	})
}

func TestObligationsChangeOneByOne(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		w := takeOver(t, open(t, url))
		var b ledger.Batch
		for e := range 8 {
			o := order{n: 1, events: e + 1, begin: start()}
			b.Reset()
			b.AddFlow(o.snapshot())
			w.commit(t, &b, uint64(e)+1)
			d, err := w.Flow(t.Context(), "order", o.id())
			require.NoError(t, err)
			require.Empty(t, cmp.Diff(o.snapshot().Obligations, d.Obligations))
			require.Equal(t, o.events, d.Flow.Events)
			require.Equal(t, o.snapshot().Status, d.Status)
			require.Equal(t, o.snapshot().Updated, d.Updated)
		}
	})
}
