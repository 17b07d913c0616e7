package outbox_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/laban-io/laban/internal/database"
	"github.com/laban-io/laban/pkg/outbox"
)

func TestRelayPublishesWhatIsCommittedAtOnce(t *testing.T) {
	onEach(t, func(t *testing.T, db testDB) {
		b := &broker{}
		ob := db.newOutbox(t, b, outbox.Config{PollInterval: time.Hour})
		run(t, ob)
		var want []string
		for i := range 20 {
			id := fmt.Sprint(i)
			want = append(want, id)
			publish(t, ob, evt(id, "k"))
			require.Eventually(t, func() bool { return len(b.ids()) == i+1 }, patience, time.Millisecond)
		}
		require.Equal(t, want, b.ids())
		require.Eventually(t, func() bool { return db.stored(t) == 0 }, patience, time.Millisecond)
	})
}

func TestRelayIsWokenByOtherProcesses(t *testing.T) {
	onEach(t, func(t *testing.T, db testDB) {
		cfg := outbox.Config{PollInterval: time.Hour}
		url := db.url
		if db.dialect == outbox.SQLite { // nothing notifies: it has to look
			cfg.PollInterval = 5 * time.Millisecond
			url = "sqlite:" + t.TempDir() + "/shared.db"
			db = openDB(t, url)
		}
		b := &broker{}
		run(t, db.newOutbox(t, b, cfg))

		pool, dialect, err := database.Open(t.Context(), url)
		require.NoError(t, err)
		defer pool.Close()
		other := testDB{DB: pool, dialect: dialect}.newOutbox(t, &broker{}, outbox.Config{})
		for i := range 10 {
			publish(t, other, evt(fmt.Sprint(i), "k"))
			require.Eventually(t, func() bool { return len(b.ids()) == i+1 }, patience, time.Millisecond)
		}
	})
}

func TestRelayWorksThroughInstrumentation(t *testing.T) {
	for name, address := range map[string]func(testing.TB) string{
		"SQLite":     func(testing.TB) string { return "sqlite::memory:" },
		"PostgreSQL": pgURL,
	} {
		t.Run(name, func(t *testing.T) {
			db := openDB(t, address(t), database.WithTracing(noop.NewTracerProvider()))
			b := &broker{}
			ob := db.newOutbox(t, b, soon())
			run(t, ob)
			other := ob
			if db.dialect == outbox.PostgreSQL {
				other = db.newOutbox(t, &broker{}, outbox.Config{}) // does not run, so it notifies
			}
			for i := range 5 {
				publish(t, other, evt(fmt.Sprintf("k-%d", i+1), "k"))
				require.Eventually(t, func() bool { return len(b.ids()) == i+1 }, patience, time.Millisecond)
			}
			requireArrived(t, db, b, "k-1", "k-2", "k-3", "k-4", "k-5")
		})
	}
}

func TestRelayListensAgain(t *testing.T) {
	db := openDB(t, pgURL(t))
	b := &broker{}
	cfg := soon()
	run(t, db.newOutbox(t, b, cfg))
	other := db.newOutbox(t, &broker{}, outbox.Config{}) // does not run, so it notifies
	listening := func() bool {
		return db.count(t, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%' AND state = 'idle'") == 1
	}
	require.Eventually(t, listening, patience, time.Millisecond)
	publish(t, other, evt("k-1", "k"))
	requireArrived(t, db, b, "k-1")
	for i := 2; i < 5; i++ {
		require.Equal(t, 1, db.count(t, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"))
		require.Eventually(t, listening, patience, time.Millisecond)
		publish(t, other, evt(fmt.Sprintf("k-%d", i), "k"))
		require.Eventually(t, func() bool { return len(b.ids()) == i }, patience, time.Millisecond)
	}
}
