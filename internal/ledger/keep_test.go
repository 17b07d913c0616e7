package ledger_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/ledger"
	"github.com/laban-io/laban/pkg/flow"
)

func TestMarkersWaitUntilExported(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		w := takeOver(t, open(t, url))
		var b ledger.Batch
		for _, kind := range []string{"started", "stalled", "recovered"} {
			b.Markers = append(b.Markers, ledger.Marker{Choreography: "order", FlowID: "1", Kind: kind, Data: []byte("\x00\xff" + kind), Offset: 3})
		}
		w.commit(t, &b, 4)
		pending, err := w.PendingMarkers(t.Context(), 10)
		require.NoError(t, err)
		require.Equal(t, b.Markers, pending, "in order, to the byte, by the ids that the commit gave them")
		first, err := w.PendingMarkers(t.Context(), 1)
		require.NoError(t, err)
		require.Equal(t, pending[:1], first)

		require.NoError(t, w.MarkExported(t.Context(), start(), pending[0].ID, pending[2].ID))
		require.NoError(t, w.MarkExported(t.Context(), start()))
		left, err := open(t, url).PendingMarkers(t.Context(), 10)
		require.NoError(t, err)
		require.Equal(t, pending[1:2], left)
	})
}

func count(t *testing.T, url, table string) (n int) {
	t.Helper()
	require.NoError(t, raw(t, url).QueryRow("SELECT count(*) FROM "+table).Scan(&n))
	return n
}

func TestRetention(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		w := takeOver(t, open(t, url))
		day := 24 * time.Hour
		var b ledger.Batch
		// More than a step's worth of old flows, one that is young, and an old one
		// that the tracker has in memory.
		const old = 450
		for n := range old + 2 {
			o := order{n: n, events: 8, begin: start(), first: uint64(n) * 8}
			if n == old {
				o.begin = after(20 * day)
			}
			o.whole(&b)
			s := &b.Flows[len(b.Flows)-1]
			s.Traces = append(s.Traces, trace(5000+n))
			if n <= old {
				s.State = nil
			}
			b.Failures = append(b.Failures, ledger.Failure{Kind: ledger.Retried, Choreography: "order", FlowID: o.id(), EventID: o.id() + "-1", LogTime: o.begin})
			b.Transitions = append(b.Transitions, flow.Transition{Kind: flow.Deviated, Choreography: "order", FlowID: o.id(), At: o.begin})
			b.Markers = append(b.Markers, ledger.Marker{Choreography: "order", FlowID: o.id(), Kind: "started", Data: []byte("x")})
		}
		b.Failures = append(b.Failures, ledger.Failure{Kind: ledger.Unrouted, EventID: "of no flow", LogTime: start()},
			ledger.Failure{Kind: ledger.Unrouted, EventID: "of no flow", LogTime: after(20 * day)})
		b.Actions = []ledger.Action{{At: start(), Action: "closed"}, {At: after(20 * day), Action: "closed"}}
		w.commit(t, &b, 5000)
		require.NoError(t, w.MarkExported(t.Context(), start(), b.Markers[0].ID))
		require.NoError(t, w.MarkExported(t.Context(), after(20*day), b.Markers[1].ID))

		now := after(30 * day)
		n, err := w.Retain(t.Context(), ledger.Retention{}, now)
		require.NoError(t, err)
		require.Zero(t, n, "zero keeps everything")
		n, err = w.Retain(t.Context(), ledger.Retention{Finished: 15 * day, Exported: 15 * day, Audit: 15 * day}, now)
		require.NoError(t, err)
		require.Equal(t, old, n)
		for table, want := range map[string]int{
			"flows": 2, "events": 16, "obligations": 18, "flow_traces": 2, "deviations": 2,
			"failures": 3, "markers": old + 1, "audit": 1,
		} {
			require.Equal(t, want, count(t, url, table), table)
		}
		require.NotZero(t, count(t, url, "transitions"))
		for _, kept := range []int{old, old + 1} {
			d, err := w.Flow(t.Context(), "order", order{n: kept}.id())
			require.NoError(t, err)
			require.Len(t, d.Events, 8)
			require.Len(t, d.Failures, 1)
		}
		flows, _ := live(t, w.Ledger)
		require.Len(t, flows, 1)
		n, err = w.Retain(t.Context(), ledger.Retention{Finished: 15 * day}, now)
		require.NoError(t, err)
		require.Zero(t, n)

		// A flow that comes again is written whole.
		b.Reset()
		order{n: 3, events: 8, begin: now}.whole(&b)
		w.commit(t, &b, 5001)
		d, err := w.Flow(t.Context(), "order", order{n: 3}.id())
		require.NoError(t, err)
		require.Len(t, d.Obligations, 9)
	})
}

func TestCountsAndSteps(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		l := open(t, url)
		shop(t, l)
		counts, err := l.Counts(t.Context())
		require.NoError(t, err)
		require.Equal(t, []flow.FlowCount{
			{Choreography: "order", Status: flow.Closed, Count: 1}, {Choreography: "order", Status: flow.Completed, Count: 5},
			{Choreography: "order", Status: flow.Running, Count: 2}, {Choreography: "order", Status: flow.Stalled, Count: 2},
			{Choreography: "return", Status: flow.Unknown, Count: 1},
		}, counts)

		w := takeOver(t, l)
		var b ledger.Batch
		due := flow.Due{Step: "s", Service: "payment"}
		for i := range 200 {
			b.Transitions = append(b.Transitions, flow.Transition{
				Kind: flow.Paid, Choreography: "many", FlowID: "1", At: after(time.Duration(i+1) * time.Second), Due: due, Duration: time.Duration(200-i) * time.Millisecond,
			})
		}
		b.Transitions = append(b.Transitions,
			flow.Transition{Kind: flow.Overdue, Choreography: "many", FlowID: "1", At: after(time.Minute), Due: due},
			flow.Transition{Kind: flow.Overdue, Choreography: "many", FlowID: "1", At: after(time.Minute), Due: flow.Due{Step: "s", Service: "delivery"}},
			flow.Transition{Kind: flow.Recovered, Choreography: "many", FlowID: "1", At: after(time.Minute), Due: due, Duration: time.Hour},
			flow.Transition{Kind: flow.Paid, Choreography: "few", FlowID: "1", At: after(time.Minute), Due: due, Duration: time.Hour})
		w.commit(t, &b, 300)
		steps, err := l.StepStats(t.Context(), "many", start())
		require.NoError(t, err)
		require.Equal(t, []ledger.StepStat{
			{Step: "s", Service: "delivery", Overdue: 1, From: after(time.Minute)},
			{
				Step: "s", Service: "payment", Paid: 200, Overdue: 1, From: after(time.Second),
				P50: 100 * time.Millisecond, P95: 190 * time.Millisecond, P99: 198 * time.Millisecond,
			},
		}, steps)
		steps, err = l.StepStats(t.Context(), "many", after(200*time.Second))
		require.NoError(t, err)
		require.Equal(t, []ledger.StepStat{{
			Step: "s", Service: "payment", Paid: 1, From: after(200 * time.Second), P50: time.Millisecond, P95: time.Millisecond, P99: time.Millisecond,
		}}, steps)
	})
}

// TestDumpIsTheSameEverywhere writes the same log to both databases, in other
// batches each time.
func TestDumpIsTheSameEverywhere(t *testing.T) {
	write := func(t *testing.T, url string, every int) string {
		w := takeOver(t, open(t, url))
		for range every { // epochs say nothing
			w.epoch, _ = w.TakeOver(t.Context())
		}
		var b ledger.Batch
		dirty := make(map[int]order)
		changed := func() {
			for n := range 12 {
				if o, ok := dirty[n]; ok {
					b.AddFlow(o.snapshot())
				}
			}
			clear(dirty)
		}
		b.Contracts = []ledger.Contract{{Hash: "abc", Name: "order", Text: "ü\x00"}}
		next := uint64(0)
		for e := range 8 {
			for n := range 12 {
				o := order{n: n, events: e + 1, begin: start(), first: uint64(n) * 8}
				o.add(&b, o.events)
				dirty[n] = o
				b.Markers = append(b.Markers, ledger.Marker{Choreography: "order", FlowID: o.id(), Kind: "x", Data: []byte{byte(e)}})
				b.Failures = append(b.Failures, ledger.Failure{Kind: ledger.Retried, Choreography: "order", FlowID: o.id(), EventID: "1", Attempt: e})
				if next++; int(next)%every == 0 {
					changed()
					w.commit(t, &b, next)
					b.Reset()
				}
			}
		}
		changed()
		w.commit(t, &b, next+1)
		require.NoError(t, w.Record(t.Context(), ledger.Action{Action: "discarded", Reason: strings.Repeat("x", every)}))
		require.NoError(t, w.MarkExported(t.Context(), after(time.Duration(every)), 1, 2, 3))
		return dump(t, w.Ledger)
	}
	want := write(t, file(t), 1000)
	for _, table := range []string{"log", "contracts", "flows", "events", "obligations", "transitions", "failures", "markers"} {
		require.Contains(t, want, `"table":"`+table+`"`)
	}
	require.NotContains(t, want, "discarded")
	onEach(t, func(t *testing.T, url string) { require.Equal(t, want, write(t, url, 7)) })
	t.Run("SQLite, one by one", func(t *testing.T) { require.Equal(t, want, write(t, file(t), 1)) })
}

func TestDumpNeedsNoOffsets(t *testing.T) {
	dumped := func(shift uint64) string {
		w := takeOver(t, open(t, file(t)))
		var b ledger.Batch
		order{n: 1, events: 8, begin: start(), first: shift}.whole(&b)
		w.commit(t, &b, shift+8)
		var text strings.Builder
		require.NoError(t, w.Dump(t.Context(), &text, ledger.DumpConfig{NoOffsets: true}))
		return text.String()
	}
	require.Equal(t, dumped(0), dumped(1000))
}
