package observer

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/ledger"
	"github.com/laban-io/laban/internal/observer/record"
	"github.com/laban-io/laban/internal/observer/source"
	"github.com/laban-io/laban/internal/testenv"
	"github.com/laban-io/laban/pkg/choreography"
	"github.com/laban-io/laban/pkg/flow"
	"github.com/laban-io/laban/pkg/membus"
	"github.com/laban-io/laban/services"
)

// BenchmarkTakeOver loads a ledger with 100,000 orders under way, which is what
// an observer that stood by does before it reads on.
func BenchmarkTakeOver(b *testing.B) {
	const orders = 100_000
	for name, url := range map[string]func() string{
		"SQLite":     func() string { return "sqlite:" + filepath.Join(b.TempDir(), "ledger.db") },
		"PostgreSQL": func() string { return testenv.PostgreSQL(b) },
	} {
		b.Run(name, func(b *testing.B) {
			l, err := ledger.Open(b.Context(), url(), ledger.Config{})
			require.NoError(b, err)
			b.Cleanup(func() { require.NoError(b, l.Close()) })
			contract, err := services.Order()
			require.NoError(b, err)
			broker := membus.New(membus.Config{})
			b.Cleanup(broker.Close)
			o, err := New(Config{Log: source.NewMemory(broker), Ledger: l, Contracts: []*choreography.Choreography{contract}})
			require.NoError(b, err)
			e := o.newEngine()
			_, err = e.load(b.Context())
			require.NoError(b, err)
			now := time.Unix(1_700_000_000, 0)
			for i := range uint64(orders) {
				if i%5000 == 0 {
					now = now.Add(time.Second)
					e.applyOne(&source.Item{Kind: source.Own, Offset: 2 * i, Own: record.Pulse{Time: now}})
				}
				key := fmt.Sprintf("order-%d", i)
				e.applyOne(&source.Item{Kind: source.Event, Offset: 2*i + 1, Event: flow.Event{
					Place: flow.Place{Offset: 2*i + 1}, ID: key, Source: "order", Type: "order.placed", Key: key, FlowName: "order", FlowID: key, Time: now,
				}})
				if e.records >= commitAt {
					require.NoError(b, l.Commit(b.Context(), e.seal()))
				}
			}
			if batch := e.seal(); batch != nil {
				require.NoError(b, l.Commit(b.Context(), batch))
			}
			for b.Loop() {
				again := o.newEngine()
				_, err := again.load(b.Context())
				require.NoError(b, err)
				require.Equal(b, orders, again.tracker.Live())
			}
			b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/takeover")
		})
	}
}
