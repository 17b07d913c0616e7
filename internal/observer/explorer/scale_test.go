package explorer_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/ledger"
	"github.com/laban-io/laban/internal/observer/observertest"
	"github.com/laban-io/laban/pkg/choreography"
	"github.com/laban-io/laban/pkg/flow"
)

func filterAll() ledger.Filter { return ledger.Filter{} }

// crowd puts so many orders into the ledger: one in a hundred waits for the
// payment, and one in a thousand is stalled.
func (w *world) crowd(all int) {
	w.t.Helper()
	for n := range all {
		begin := observertest.Began().Add(time.Duration(n-all) * 100 * time.Millisecond)
		s := &flow.Snapshot{
			Choreography: "order", Rules: w.Contracts()[0].Hash, ID: fmt.Sprintf("01J%023d", n), Key: fmt.Sprintf("order-%d", n), Status: flow.Completed, Outcome: choreography.Completed,
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
			w.Batch.Transitions = append(w.Batch.Transitions, flow.Transition{
				Kind: flow.Paid, Choreography: "order", FlowID: s.ID, Key: s.Key, At: begin.Add(time.Duration(k) * 100 * time.Millisecond), Offset: w.Offset + 1, Obligation: k + 1,
				Due: flow.Due{Step: "payment.confirmed|payment.rejected", Service: "payment"}, Duration: time.Duration(n%500) * time.Millisecond,
			})
		}
		w.Batch.AddFlow(s)
		if n%2000 == 1999 || n == all-1 {
			w.Offset++
			w.Commit()
		}
	}
}

// crowded are pages of a ledger with many flows, next among them.
func crowded(next string) []string {
	return []string{
		"/", next, "/?status=stalled", "/?choreography=order&status=completed", "/?service=payment", "/?cause=parked", "/?age=older-1h", "/?q=order-777",
		"/flows/01J00000000000000000000777", "/choreographies/order", "/parked", "/health",
	}
}

// TestPagesOfManyFlowsInABrowser has 100,000 flows in the ledger. How long pages
// take is in BenchmarkPages.
func TestPagesOfManyFlowsInABrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("it needs a browser, and fills a ledger")
	}
	w := newWorld(t, true, "")
	w.crowd(100_000)
	b := open(t, w)
	_, first := w.get("/")
	for i, path := range crowded(firstMatch(t, first, `rel="next" href="([^"]+)"`)) {
		b.show(t, path, []string{"light", "dark"}[i%2], []int64{1280, 390}[i%2])
		require.LessOrEqual(t, ask[int](t, b, "document.documentElement.scrollWidth - document.documentElement.clientWidth"), 0, path)
		require.NotContains(t, ask[string](t, b, "document.querySelector('h1').textContent"), "not answer", path)
		require.Less(t, ask[int](t, b, "document.querySelectorAll('*').length"), 3000, path)
		b.clean(t, path)
	}
	b.show(t, "/", "light", 1280)
	require.Equal(t, perPage, ask[int](t, b, `document.querySelectorAll("#flows tbody tr").length`))
	require.Equal(t, "100\u202f000 known", ask[string](t, b, `document.getElementById("total").textContent`))
}

const perPage = 50

// BenchmarkPages is about pages of a ledger with 100,000 flows, each of which is
// to take less than a tenth of a second.
func BenchmarkPages(b *testing.B) {
	w := newWorld(b, true, "")
	w.crowd(100_000)
	_, first := w.get("/")
	for _, path := range crowded(firstMatch(b, first, `rel="next" href="([^"]+)"`)) {
		name, _, _ := strings.Cut(path, "cursor=")
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				got, _ := w.get(path)
				require.Less(b, got.StatusCode, 400, path)
			}
		})
	}
}
