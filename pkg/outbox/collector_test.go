package outbox_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/outbox"
)

func TestCollector(t *testing.T) {
	onEach(t, func(t *testing.T, db testDB) {
		b := &broker{answer: func(_ int, m *bus.Message) reply {
			if m.Event.ID == "poison" {
				return reply{err: bus.ErrTooLarge}
			}
			return reply{}
		}}
		ob := db.newOutbox(t, b, soon())
		publish(t, ob, evt("1", "k"), evt("2", "k"), evt("poison", "p"))
		_, err := db.Exec("UPDATE outbox SET created_at = 1700000000250000 WHERE event_id = '1'")
		require.NoError(t, err)
		for range 3 {
			require.NoError(t, shipping(ob, done).Handle(t.Context(), evt("in", "k")))
		}

		problems, err := testutil.CollectAndLint(outbox.NewCollector(ob))
		require.NoError(t, err)
		require.Empty(t, problems)
		expect := func(backlog, oldest, failed, published int) {
			t.Helper()
			oldestText := ""
			if oldest > 0 {
				oldestText = `
# HELP laban_outbox_oldest_timestamp_seconds When the oldest event that is to be published was stored; absent if there is none.
# TYPE laban_outbox_oldest_timestamp_seconds gauge
laban_outbox_oldest_timestamp_seconds{service="shop"} 1.70000000025e+09
`
			}
			want := fmt.Sprintf(`
# HELP laban_inbox_duplicates_total Events that came again after they had been handled.
# TYPE laban_inbox_duplicates_total counter
laban_inbox_duplicates_total{service="shop"} 2
# HELP laban_outbox_backlog Events in the outbox that are to be published, counted up to 100,000.
# TYPE laban_outbox_backlog gauge
laban_outbox_backlog{service="shop"} %d
# HELP laban_outbox_failed Events in the outbox that can't be published and are set aside, counted up to 100,000.
# TYPE laban_outbox_failed gauge
laban_outbox_failed{service="shop"} %d
%s# HELP laban_outbox_published_total Events from the outbox that the broker has confirmed.
# TYPE laban_outbox_published_total counter
laban_outbox_published_total{service="shop"} %d
`, backlog, failed, strings.TrimPrefix(oldestText, "\n"), published)
			// A collector of its own, since one asks once a second only.
			require.NoError(t, testutil.CollectAndCompare(outbox.NewCollector(ob), strings.NewReader(want)))
		}
		expect(4, 1, 0, 0)
		run(t, ob)
		require.Eventually(t, func() bool { return db.stored(t) == 1 }, patience, time.Millisecond)
		require.Eventually(t, func() bool { s, err := ob.Stats(t.Context()); return err == nil && s.Failed == 1 }, patience, time.Millisecond)
		expect(0, 0, 1, 3)
	})
}

// TestCollectorWithoutDatabase: a scrape must neither fail nor hang, and say no
// more than is known.
func TestCollectorWithoutDatabase(t *testing.T) {
	db := openDB(t, "sqlite::memory:")
	var log logLines
	ob := db.newOutbox(t, &broker{}, outbox.Config{Logger: log.logger()})
	require.NoError(t, db.Close())
	collector := outbox.NewCollector(ob)
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(collector)
	for range 5 {
		families, err := registry.Gather()
		require.NoError(t, err)
		var names []string
		for _, f := range families {
			names = append(names, f.GetName())
		}
		require.Equal(t, []string{"laban_inbox_duplicates_total", "laban_outbox_published_total"}, names)
	}
	require.Equal(t, 1, log.count("can't be measured"))
}

// TestScrapesAreCheap: however many there are, the database is asked once a second.
func TestScrapesAreCheap(t *testing.T) {
	db := openDB(t, "sqlite::memory:")
	ob := db.newOutbox(t, &broker{}, outbox.Config{})
	collector := outbox.NewCollector(ob)
	backlogIs := func(n int) bool {
		want := fmt.Sprintf("# HELP laban_outbox_backlog Events in the outbox that are to be published, counted up to 100,000.\n"+
			"# TYPE laban_outbox_backlog gauge\nlaban_outbox_backlog{service=\"shop\"} %d\n", n)
		return testutil.CollectAndCompare(collector, strings.NewReader(want), "laban_outbox_backlog") == nil
	}
	start := time.Now()
	require.True(t, backlogIs(0))
	publish(t, ob, evt("1", "k"))
	if stale := backlogIs(0); time.Since(start) < time.Second {
		require.True(t, stale)
	}
	require.Eventually(t, func() bool { return backlogIs(1) }, patience, 50*time.Millisecond)
}
