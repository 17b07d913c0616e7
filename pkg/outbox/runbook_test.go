package outbox_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/bus"
)

// What the runbook of LabanOutboxFailed has on-call type into the database finds
// what was set aside, and has it published.
func TestTheRunbookPublishesWhatWasSetAside(t *testing.T) {
	text, err := os.ReadFile("../../docs/runbooks/LabanOutboxFailed.md")
	require.NoError(t, err)
	statements := regexp.MustCompile("(?s)```sql\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	require.Len(t, statements, 2)
	onEach(t, func(t *testing.T, db testDB) {
		var mended atomic.Bool
		b := &broker{answer: func(int, *bus.Message) reply {
			if mended.Load() {
				return reply{}
			}
			return reply{err: bus.ErrTooLarge}
		}}
		cfg := soon()
		cfg.PollInterval = 10 * time.Millisecond
		ob := db.newOutbox(t, b, cfg)
		publish(t, ob, evt("a-1", "a"))
		run(t, ob)
		var id, kind, key, lastError string
		var attempts int
		require.Eventually(t, func() bool {
			return db.QueryRow(statements[0][1]).Scan(&id, &kind, &key, &attempts, &lastError) == nil
		}, patience, time.Millisecond)
		require.Equal(t, []string{"a-1", "a"}, []string{id, key})
		require.Contains(t, lastError, bus.ErrTooLarge.Error())
		mended.Store(true)
		_, err := db.Exec(strings.ReplaceAll(statements[1][1], "'ID'", "'a-1'"))
		require.NoError(t, err)
		require.Eventually(t, func() bool { return slices.Equal(b.ids(), []string{"a-1"}) }, patience, time.Millisecond)
	})
}
