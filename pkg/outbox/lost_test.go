package outbox_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func nothing() error { return nil }

// TestAClaimWhoseAnswerIsLostHoldsBackItsKey: the database has given the row to
// the relay, which does not know.
func TestAClaimWhoseAnswerIsLostHoldsBackItsKey(t *testing.T) {
	onEach(t, func(t *testing.T, db testDB) {
		b := &broker{}
		cfg := soon()
		cfg.Lease, cfg.PollInterval = 400*time.Millisecond, 5*time.Millisecond
		ob := db.newOutbox(t, b, cfg)
		publish(t, ob, evt("a-1", "a"))
		ctx, stop := context.WithCancel(t.Context())
		var lost atomic.Bool
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			ob.RunFaulty(ctx, nothing, func() error {
				if lost.CompareAndSwap(false, true) {
					return errors.Join(errCrash, store(ob, evt("a-2", "a"), evt("b-1", "b")))
				}
				return nil
			})
		}()
		require.Eventually(t, func() bool { return len(b.ids()) == 3 }, patience, time.Millisecond)
		require.Equal(t, []string{"b-1", "a-1", "a-2"}, b.ids())
		stop()
		<-ended
	})
}

// TestStoppingUnderConstantLoad: there is more to do whenever the relay looks.
func TestStoppingUnderConstantLoad(t *testing.T) {
	onEach(t, func(t *testing.T, db testDB) {
		b := &broker{}
		cfg := soon()
		cfg.DrainTimeout = 50 * time.Millisecond
		ob := db.newOutbox(t, b, cfg)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			ob.RunFaulty(ctx, func() error {
				return store(ob, evt("", "a"), evt("", "b"))
			}, nothing)
		}()
		require.Eventually(t, func() bool { return b.calls() > 20 }, patience, time.Millisecond)
		stop()
		select {
		case <-ended:
		case <-time.After(patience):
			t.Fatal("the relay goes on")
		}
	})
}

// TestTheServiceStillWaitsForTheDisk: only a relay's own transactions do not.
func TestTheServiceStillWaitsForTheDisk(t *testing.T) {
	db := openDB(t, "sqlite:"+t.TempDir()+"/durable.db")
	b := &broker{}
	ob := db.newOutbox(t, b, soon())
	run(t, ob)
	for i := range 20 {
		publish(t, ob, evt("", "a"))
		require.Eventually(t, func() bool { return len(b.ids()) == i+1 }, patience, time.Millisecond)
	}
	require.Eventually(t, func() bool { return db.stored(t) == 0 }, patience, time.Millisecond)
	var levels []int
	for range 8 { // as many as the pool keeps, at the same time
		conn, err := db.Conn(t.Context())
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		var level int
		require.NoError(t, conn.QueryRowContext(t.Context(), "PRAGMA synchronous").Scan(&level))
		levels = append(levels, level)
	}
	require.Equal(t, slices.Repeat([]int{2}, 8), levels)
}

// TestAnIdleRelayDoesNotTakeTheWriteLock: another process may hold it.
func TestAnIdleRelayDoesNotTakeTheWriteLock(t *testing.T) {
	db := openDB(t, "sqlite::memory:")
	cfg := soon()
	cfg.PollInterval = time.Millisecond
	ob := db.newOutbox(t, &broker{}, cfg)
	writer, err := db.Begin()
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	var turns atomic.Int64
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		ob.RunFaulty(ctx, func() error { turns.Add(1); return nil }, nothing)
	}()
	require.Eventually(t, func() bool { return turns.Load() > 20 }, 4*time.Second, time.Millisecond, "less than SQLite's busy timeout")
	stop()
	<-ended
	require.NoError(t, writer.Rollback())
}

// TestARelayWaitsForItsDatabase fails its first transactions.
func TestARelayWaitsForItsDatabase(t *testing.T) {
	onEach(t, func(t *testing.T, db testDB) {
		b := &broker{}
		var log logLines
		cfg := soon()
		cfg.Logger = log.logger()
		ob := db.newOutbox(t, b, cfg)
		publish(t, ob, evt("a-1", "a"), evt("a-2", "a"))
		ctx, stop := context.WithCancel(t.Context())
		turns, ended := 0, make(chan struct{})
		go func() {
			defer close(ended)
			ob.RunFaulty(ctx, func() error {
				if turns++; turns <= 7 {
					return errBusiness
				}
				return nil
			}, nothing)
		}()
		requireArrived(t, db, b, "a-1", "a-2")
		stop()
		<-ended
		require.Equal(t, 1, log.count("WARN", errBusiness.Error()), "an outage is reported once, not at each attempt")
		require.Equal(t, 1, log.count("INFO", "answers again"))
	})
}
