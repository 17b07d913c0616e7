package outbox_test

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/pkg/outbox"
)

func TestRefusedRowHoldsUpItsKeyOnly(t *testing.T) {
	for _, refusal := range []error{bus.ErrRejected, bus.ErrUnroutable, errBusiness} {
		t.Run(refusal.Error(), func(t *testing.T) {
			onEach(t, func(t *testing.T, db testDB) {
				var healed atomic.Bool
				b := &broker{answer: func(_ int, m *bus.Message) reply {
					if m.Event.ID == "a-2" && !healed.Load() {
						return reply{err: refusal}
					}
					return reply{}
				}}
				ob := db.newOutbox(t, b, soon())
				publish(t, ob, evt("a-1", "a"), evt("a-2", "a"), evt("a-3", "a"), evt("b-1", "b"))
				run(t, ob)
				require.Eventually(t, func() bool { return len(b.ids()) == 2 }, patience, time.Millisecond)
				publish(t, ob, evt("b-2", "b"), evt("a-4", "a"))
				require.Eventually(t, func() bool { return len(b.ids()) == 3 }, patience, time.Millisecond)
				require.Eventually(t, func() bool { return db.count(t, "SELECT attempts FROM outbox WHERE event_id = 'a-2'") >= 3 }, patience, time.Millisecond)
				require.ElementsMatch(t, []string{"a-1", "b-1", "b-2"}, b.ids())
				healed.Store(true)
				requireArrived(t, db, b, "a-1", "a-2", "a-3", "a-4", "b-1", "b-2")
			})
		})
	}
}

func TestRefusalsAreReportedNowAndThen(t *testing.T) {
	db := openDB(t, "sqlite::memory:")
	b := &broker{answer: func(int, *bus.Message) reply { return reply{err: bus.ErrRejected} }}
	var log logLines
	cfg := soon()
	cfg.Logger = log.logger()
	ob := db.newOutbox(t, b, cfg)
	for i := range 50 {
		publish(t, ob, evt(fmt.Sprint(i), fmt.Sprint(i)))
	}
	start := time.Now()
	run(t, ob)
	require.Eventually(t, func() bool { return b.calls() > 500 }, patience, time.Millisecond)
	lines := log.count("WARN", "tried again")
	require.Positive(t, lines)
	require.LessOrEqual(t, lines, 1+int(time.Since(start)/time.Second))
}

func TestPoisonedRowIsSetAsideAndReported(t *testing.T) {
	for _, poison := range []error{bus.ErrTooLarge, bus.ErrUndeclared, event.ErrInvalid} {
		t.Run(poison.Error(), func(t *testing.T) {
			onEach(t, func(t *testing.T, db testDB) {
				var healed atomic.Bool
				b := &broker{answer: func(_ int, m *bus.Message) reply {
					if m.Event.ID == "a-2" && !healed.Load() {
						return reply{err: fmt.Errorf("publish: %w\x00", poison)}
					}
					return reply{}
				}}
				var log logLines
				reported := make(chan outbox.FailedRow, 10)
				cfg := soon()
				cfg.Logger, cfg.OnFailed = log.logger(), func(_ context.Context, f outbox.FailedRow) { reported <- f }
				ob := db.newOutbox(t, b, cfg)
				publish(t, ob, evt("a-1", "a"), evt("a-2", "a"), evt("a-3", "a"), evt("b-1", "b"))
				run(t, ob)
				require.Eventually(t, func() bool { return len(b.ids()) == 3 }, patience, time.Millisecond)
				require.Equal(t, 4, b.calls(), "it is not tried again")

				var f outbox.FailedRow
				select {
				case f = <-reported:
				case <-time.After(patience):
					t.Fatal("the failure was not reported")
				}
				require.Equal(t, "a-2", f.EventID)
				require.Equal(t, 1, log.count("ERROR", "a-2"))
				require.Eventually(t, func() bool {
					s, err := ob.Stats(t.Context())
					return err == nil && s == outbox.Stats{Failed: 1}
				}, patience, time.Millisecond)
				failed, err := ob.Failed(t.Context(), 10)
				require.NoError(t, err)
				require.Len(t, failed, 1)
				require.Equal(t, "a-2", failed[0].EventID)
				require.Equal(t, "thing.done", failed[0].EventType)
				require.Equal(t, "a", failed[0].OrderKey)
				require.Equal(t, 1, failed[0].Attempts)
				require.Contains(t, failed[0].Error, poison.Error())
				require.WithinDuration(t, time.Now(), failed[0].FailedAt, time.Minute)

				healed.Store(true)
				n, err := ob.RetryFailed(t.Context(), "unknown")
				require.NoError(t, err)
				require.Zero(t, n)
				n, err = ob.RetryFailed(t.Context(), "a-2")
				require.NoError(t, err)
				require.Equal(t, 1, n)
				require.Eventually(t, func() bool { return db.stored(t) == 0 }, patience, time.Millisecond)
				require.Contains(t, b.ids(), "a-2")
				require.Len(t, b.ids(), 4)
			})
		})
	}
}

func TestRowThatIsAlwaysRefusedIsSetAside(t *testing.T) {
	onEach(t, func(t *testing.T, db testDB) {
		b := &broker{answer: func(_ int, m *bus.Message) reply {
			if m.Event.ID == "a-1" {
				return reply{err: bus.ErrRejected}
			}
			return reply{}
		}}
		cfg := soon()
		cfg.MaxAttempts = 4
		ob := db.newOutbox(t, b, cfg)
		publish(t, ob, evt("a-1", "a"), evt("a-2", "a"))
		run(t, ob)
		require.Eventually(t, func() bool { return slices.Equal(b.ids(), []string{"a-2"}) }, patience, time.Millisecond)
		require.Equal(t, 5, b.calls())
		var failed []outbox.FailedRow
		require.Eventually(t, func() bool {
			var err error
			failed, err = ob.Failed(t.Context(), 10)
			require.NoError(t, err)
			return len(failed) == 1
		}, patience, time.Millisecond)
		require.Equal(t, 4, failed[0].Attempts)

		n, err := ob.RetryFailed(t.Context()) // all of them
		require.NoError(t, err)
		require.Equal(t, 1, n)
		require.Eventually(t, func() bool { return b.calls() == 9 }, patience, time.Millisecond, "its attempts are counted anew")
	})
}

func TestUnreadableRowIsSetAside(t *testing.T) {
	onEach(t, func(t *testing.T, db testDB) {
		b := &broker{}
		ob := db.newOutbox(t, b, soon())
		publish(t, ob, evt("a-1", "a"), evt("b-1", "b"), evt("a-2", "a"))
		for id, set := range map[string]string{"a-1": `envelope = '[1]'`, "b-1": `headers = '"x"'`} {
			_, err := db.Exec("UPDATE outbox SET "+set+" WHERE event_id = $1", id)
			require.NoError(t, err)
		}
		run(t, ob)
		require.Eventually(t, func() bool { return slices.Equal(b.ids(), []string{"a-2"}) }, patience, time.Millisecond)
		require.Eventually(t, func() bool {
			failed, err := ob.Failed(t.Context(), 10)
			return err == nil && len(failed) == 2
		}, patience, time.Millisecond)
	})
}

func TestRunRefusesToRunTwice(t *testing.T) {
	db := openDB(t, "sqlite::memory:")
	ob := db.newOutbox(t, &broker{}, outbox.Config{})
	stop := run(t, ob)
	publish(t, ob, evt("1", "k"))
	require.Eventually(t, func() bool { return db.stored(t) == 0 }, patience, time.Millisecond)
	require.ErrorIs(t, ob.Run(t.Context()), outbox.ErrRunning)
	stop()
	run(t, ob) // again, after it has ended
	publish(t, ob, evt("2", "k"))
	require.Eventually(t, func() bool { return db.stored(t) == 0 }, patience, time.Millisecond)
}
