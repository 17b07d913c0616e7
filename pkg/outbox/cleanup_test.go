package outbox_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/outbox"
)

func TestCleanupRemovesWhatIsKeptNoLonger(t *testing.T) {
	onEach(t, func(t *testing.T, db testDB) {
		const rows = 2500 // more than one batch
		now := time.Now()
		insert := func(id string, age time.Duration, n int) {
			_, err := db.Exec(`WITH RECURSIVE many(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM many WHERE i < $1)
				INSERT INTO inbox (consumer, source, event_id, received_at) SELECT 'shop', 'x', $2 || i, $3 FROM many`,
				n, id, now.Add(-age).UnixMicro())
			require.NoError(t, err)
		}
		insert("old", 48*time.Hour, rows)
		insert("new", 46*time.Hour, 3)
		ob := db.newOutbox(t, &broker{}, outbox.Config{KeepInbox: 47 * time.Hour, KeepPublished: time.Hour})
		publish(t, ob, evt("pending", "k"), evt("failed", "k"), evt("old", "k"), evt("new", "k"))
		for _, update := range []string{
			"UPDATE outbox SET created_at = 0",
			"UPDATE outbox SET failed_at = 1 WHERE event_id = 'failed'",
			"UPDATE outbox SET published_at = created_at + 1 WHERE event_id = 'old'",
		} {
			_, err := db.Exec(update)
			require.NoError(t, err)
		}
		_, err := db.Exec("UPDATE outbox SET published_at = $1 WHERE event_id = 'new'", now.UnixMicro())
		require.NoError(t, err)

		require.NoError(t, ob.CleanUp(t.Context()))
		require.Equal(t, 3, db.count(t, "SELECT count(*) FROM inbox"))
		require.Equal(t, 3, db.count(t, "SELECT count(*) FROM inbox WHERE event_id LIKE 'new%'"))
		require.Zero(t, db.count(t, "SELECT count(*) FROM outbox WHERE event_id = 'old'"))
		require.Equal(t, 3, db.stored(t), "what is pending, failed or recent stays, however old")
	})
}

func TestRunCleansUp(t *testing.T) {
	onEach(t, func(t *testing.T, db testDB) {
		ob := db.newOutbox(t, &broker{}, outbox.Config{CleanupInterval: 5 * time.Millisecond})
		run(t, ob)
		for range 3 { // at its start and again
			_, err := db.Exec("INSERT INTO inbox (consumer, source, event_id, received_at) VALUES ('shop', 'x', '1', 1)")
			require.NoError(t, err)
			require.Eventually(t, func() bool { return db.count(t, "SELECT count(*) FROM inbox") == 0 }, patience, time.Millisecond)
		}
	})
}
