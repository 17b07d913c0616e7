package ledger_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/ledger"
	"github.com/laban-io/laban/pkg/flow"
)

// BenchmarkFlows is how long a list of 50 of 100,000 flows takes: one in ten of
// them waits for a payment, one in a thousand is stalled.
func BenchmarkFlows(b *testing.B) {
	onEachBench(b, func(b *testing.B, url string) {
		w := takeOver(b, open(b, url))
		var batch ledger.Batch
		const all = 100_000
		for n := range all {
			o := order{n: n, events: 8, begin: after(time.Duration(n) * time.Second), first: uint64(n) * 8}
			if n%10 == 5 {
				o.events = 2
			}
			for e := range o.events {
				o.add(&batch, e+1)
			}
			s := o.snapshot()
			if n%1000 == 5 {
				s.Status = flow.Stalled
				for i := range s.Obligations {
					if ob := &s.Obligations[i]; ob.Service == "payment" {
						ob.OverdueSince, ob.Finding = ob.Deadline, flow.Finding{Cause: flow.Parked, Evidence: "no"}
					}
				}
			}
			batch.AddFlow(s)
			if n%2000 == 1999 {
				w.commit(b, &batch, uint64(n+1)*8)
				batch.Reset()
			}
		}
		parked := flow.Parked
		for name, filter := range map[string]ledger.Filter{
			"all":                 {},
			"choreography":        {Choreography: "order"},
			"stalled":             {Statuses: []flow.Status{flow.Stalled}},
			"completed":           {Choreography: "order", Statuses: []flow.Status{flow.Completed}},
			"service":             {Service: "payment"},
			"service and stalled": {Service: "payment", Statuses: []flow.Status{flow.Stalled}},
			"cause":               {Cause: &parked},
			"since":               {Since: after(99_000 * time.Second)},
			"before":              {Before: after(1000 * time.Second)},
			"key":                 {Key: "order-77777"},
			"trace":               {TraceID: hexTrace(77777)},
			"search":              {Search: order{n: 5}.id()},
		} {
			b.Run(name, func(b *testing.B) {
				for b.Loop() {
					flows, _, err := w.Flows(b.Context(), filter)
					require.NoError(b, err)
					require.NotEmpty(b, flows)
				}
			})
		}
		b.Run("flow", func(b *testing.B) {
			for b.Loop() {
				d, err := w.Flow(b.Context(), "", order{n: 4321}.id())
				require.NoError(b, err)
				require.Len(b, d.Events, 8)
			}
		})
		b.Run("counts", func(b *testing.B) {
			for b.Loop() {
				_, err := w.Counts(b.Context())
				require.NoError(b, err)
			}
		})
		b.Run("steps", func(b *testing.B) {
			for b.Loop() {
				s, err := w.StepStats(b.Context(), "order", start())
				require.NoError(b, err)
				require.NotEmpty(b, s)
			}
		})
	})
}
