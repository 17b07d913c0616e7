package explorer_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/ledger"
	"github.com/laban-io/laban/pkg/choreography"
	"github.com/laban-io/laban/pkg/flow"
)

func filterAll() ledger.Filter { return ledger.Filter{} }

// crowd puts so many orders into the ledger: one in a hundred waits for the
// payment, and one in a thousand is stalled.
func (w *world) crowd(all int) {
	w.t.Helper()
	for n := range all {
		begin := began.Add(time.Duration(n-all) * 100 * time.Millisecond)
		s := &flow.Snapshot{
			Choreography: "order", Rules: w.contracts[0].Hash, ID: fmt.Sprintf("01J%023d", n), Key: fmt.Sprintf("order-%d", n), Status: flow.Completed, Outcome: choreography.Completed,
			Started: begin, Updated: begin.Add(time.Second), Ended: begin.Add(time.Second), First: uint64(n + 1), Last: uint64(n + 1), Events: 8, Traces: [][16]byte{{1, byte(n), byte(n >> 8), byte(n >> 16)}},
		}
		if n%100 == 5 {
			s.Status, s.Outcome, s.Ended = flow.Running, choreography.None, time.Time{}
			o := flow.Obligation{Number: 1, State: flow.Open, Due: flow.Due{Step: "payment.confirmed|payment.rejected", Service: "payment", On: "stock.confirmed", For: []string{"payment.confirmed", "payment.rejected"}, Since: begin, Deadline: begin.Add(30 * time.Second)}}
			if n%1000 == 5 {
				s.Status, o.OverdueSince, o.Finding = flow.Stalled, o.Deadline, flow.Finding{Cause: flow.Parked, Certainty: flow.Certain, Evidence: "it was parked"}
			}
			s.Obligations = []flow.Obligation{o}
		}
		for k := range 3 {
			w.batch.Transitions = append(w.batch.Transitions, flow.Transition{
				Kind: flow.Paid, Choreography: "order", FlowID: s.ID, Key: s.Key, At: begin.Add(time.Duration(k) * 100 * time.Millisecond), Offset: w.offset + 1, Obligation: k + 1,
				Due: flow.Due{Step: "payment.confirmed|payment.rejected", Service: "payment"}, Duration: time.Duration(n%500) * time.Millisecond,
			})
		}
		w.batch.AddFlow(s)
		if n%2000 == 1999 || n == all-1 {
			w.offset++
			w.commit()
		}
	}
}

// TestAHundredThousandFlows holds pages to a tenth of a second. The median of
// some tries counts, so that a machine that is busy for a moment says nothing.
func TestAHundredThousandFlows(t *testing.T) {
	if testing.Short() {
		t.Skip("it fills a ledger")
	}
	w := newWorld(t, true, "")
	w.crowd(100_000)
	_, first := w.get("/")
	next := firstMatch(t, first, `rel="next" href="([^"]+)"`)
	for _, path := range []string{
		"/", next, "/?status=stalled", "/?choreography=order&status=completed", "/?service=payment", "/?cause=parked", "/?age=older-1h", "/?q=order-77777",
		"/flows/01J00000000000000000077777", "/choreographies/order", "/parked", "/health",
	} {
		var took []time.Duration
		for range 5 {
			begin := time.Now()
			got, _ := w.get(path)
			took = append(took, time.Since(begin))
			require.Less(t, got.StatusCode, 400, path)
		}
		slices.Sort(took)
		t.Log(took[2], path)
		require.Less(t, took[2], 100*time.Millisecond, path)
	}
}
