package outbox_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/database"
	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/pkg/outbox"
)

func TestStoppingDrains(t *testing.T) {
	onEach(t, func(t *testing.T, db testDB) {
		ctx, stop := context.WithCancel(context.Background())
		b := &broker{}
		b.answer = func(n int, _ *bus.Message) reply {
			if n == 0 {
				stop() // in the midst
			}
			return reply{}
		}
		cfg := soon()
		cfg.Window = 10
		ob := db.newOutbox(t, b, cfg)
		var events []event.Event
		for i := range 200 {
			events = append(events, evt(fmt.Sprint(i), fmt.Sprint(i)))
		}
		publish(t, ob, events...)
		require.NoError(t, ob.Run(ctx))
		require.Len(t, b.ids(), 200, "what was committed is published before Run returns")
		require.Zero(t, db.stored(t))
	})
}

func TestStoppingDoesNotWaitForAnAbsentBroker(t *testing.T) {
	onEach(t, func(t *testing.T, db testDB) {
		for name, b := range map[string]*broker{
			"away": {answer: func(int, *bus.Message) reply { return reply{err: bus.ErrUnreachable} }},
			"mute": {answer: func(int, *bus.Message) reply { return reply{wait: make(chan struct{}), lost: true} }},
		} {
			t.Run(name, func(t *testing.T) {
				cfg := soon()
				cfg.DrainTimeout = 50 * time.Millisecond
				if name == "away" {
					cfg.DrainTimeout = time.Minute // there is nothing to wait for
				}
				ob := db.newOutbox(t, b, cfg)
				publish(t, ob, evt("a-1", "a"), evt("a-2", "a"), evt("b-1", "b"))
				stop := run(t, ob)
				require.Eventually(t, func() bool { return b.calls() > 0 }, patience, time.Millisecond)
				start := time.Now()
				stop()
				require.Less(t, time.Since(start), patience)
				require.Equal(t, 3, db.count(t, "SELECT count(*) FROM outbox WHERE claimed_by = '' AND not_before = 0 AND attempts = 0"),
					"the rows are free for the next start at once")
				_, err := db.Exec("DELETE FROM outbox")
				require.NoError(t, err)
			})
		}
	})
}

func TestRunSaysThatTheTablesAreMissing(t *testing.T) {
	for name, url := range map[string]string{"SQLite": "sqlite::memory:", "PostgreSQL": ""} {
		t.Run(name, func(t *testing.T) {
			if url == "" {
				url = pgURL(t)
			}
			db, dialect, err := database.Open(t.Context(), url)
			require.NoError(t, err)
			defer db.Close()
			ob := testDB{DB: db, dialect: dialect}.newOutbox(t, &broker{}, outbox.Config{})
			require.ErrorIs(t, ob.Run(t.Context()), outbox.ErrNotMigrated)
		})
	}
}
