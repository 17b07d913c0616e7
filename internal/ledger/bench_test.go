package ledger_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/ledger"
	"github.com/laban-io/laban/internal/testenv"
)

func onEachBench(b *testing.B, bench func(b *testing.B, url string)) {
	b.Run("SQLite", func(b *testing.B) { bench(b, file(b)) })
	b.Run("PostgreSQL", func(b *testing.B) { bench(b, testenv.PostgreSQL(b)) })
}

// BenchmarkCommit is how many events a second the ledger takes: in batches of
// 500 flows with their eight events each, and in batches of 4,000 events of as
// many flows, so that each flow is written eight times.
func BenchmarkCommit(b *testing.B) {
	b.Run("whole flows", func(b *testing.B) {
		onEachBench(b, func(b *testing.B, url string) {
			commits(b, url, func(batch *ledger.Batch, n int, first uint64) {
				for i := range 500 {
					order{n: n*500 + i, events: 8, begin: after(time.Duration(n) * time.Second), first: first + uint64(i)*8}.whole(batch)
				}
			})
		})
	})
	b.Run("one event a flow", func(b *testing.B) {
		onEachBench(b, func(b *testing.B, url string) {
			commits(b, url, func(batch *ledger.Batch, n int, _ uint64) {
				for i := range 4000 {
					o := order{n: n/8*4000 + i, events: n%8 + 1, begin: after(time.Duration(n/8) * time.Second), first: uint64(n/8*4000 + i)}
					o.add(batch, o.events)
					batch.AddFlow(o.snapshot())
				}
			})
		})
	})
}

func commits(b *testing.B, url string, fill func(batch *ledger.Batch, n int, first uint64)) {
	w := takeOver(b, open(b, url))
	var (
		batch ledger.Batch
		spent time.Duration
		n     int
	)
	for b.Loop() {
		b.StopTimer()
		batch.Reset()
		fill(&batch, n, w.at.Next)
		n++
		b.StartTimer()
		begin := time.Now()
		w.commit(b, &batch, w.at.Next+4000)
		spent += time.Since(begin)
	}
	b.ReportMetric(float64(n)*4000/spent.Seconds(), "events/s")
	head, err := w.Head(context.Background())
	require.NoError(b, err)
	require.Equal(b, uint64(n)*4000, head.Position.Next)
}
