package outbox_test

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/outbox"
)

func TestTwoRelaysPublishEachRowOnceAndInOrder(t *testing.T) {
	onEach(t, func(t *testing.T, db testDB) {
		b := &broker{}
		s := &slow{broker: b, enter: func() {}, leave: func() {}}
		var obs []*outbox.Outbox
		for range 3 {
			cfg := outbox.Config{PollInterval: 5 * time.Millisecond, Window: 20, Lease: time.Minute}
			sender, err := bus.New(bus.Config{Service: "shop"}, s)
			require.NoError(t, err)
			ob, err := outbox.New(db.DB, db.dialect, sender, cfg)
			require.NoError(t, err)
			obs = append(obs, ob)
			run(t, ob)
		}
		const keys, each = 12, 25
		var group sync.WaitGroup
		var want []string
		for k := range keys {
			key := string(rune('a' + k))
			for i := range each {
				want = append(want, fmt.Sprintf("%s-%d", key, i+1))
			}
			group.Go(func() {
				for i := range each {
					err := obs[k%len(obs)].Transact(context.Background(), func(ctx context.Context, _ *sql.Tx) error {
						return obs[k%len(obs)].Publish(ctx, evt(fmt.Sprintf("%s-%d", key, i+1), key))
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		group.Wait()
		requireArrived(t, db, b, want...)
	})
}

func TestRowsOfACrashedRelayAreTakenOver(t *testing.T) {
	onEach(t, func(t *testing.T, db testDB) {
		cfg := soon()
		cfg.Lease, cfg.PollInterval, cfg.DrainTimeout = 200*time.Millisecond, 10*time.Millisecond, time.Millisecond
		crashed := db.newOutbox(t, &broker{answer: func(int, *bus.Message) reply { return reply{lost: true, wait: make(chan struct{})} }}, cfg)
		publish(t, crashed, evt("a-1", "a"), evt("a-2", "a"), evt("b-1", "b"))
		ctx, crash := context.WithCancel(t.Context())
		turns, ended := 0, make(chan struct{})
		go func() {
			defer close(ended)
			crashed.RunFaulty(ctx, func() error {
				if turns++; turns > 1 {
					return errCrash
				}
				return nil
			}, func() error { return nil })
		}()
		require.Eventually(t, func() bool { return db.count(t, "SELECT count(*) FROM outbox WHERE claimed_by <> ''") == 3 }, patience, time.Millisecond)
		crash()
		<-ended

		b := &broker{}
		run(t, db.newOutbox(t, b, cfg))
		requireArrived(t, db, b, "a-1", "a-2", "b-1")
	})
}

// TestACrashHoldsUpEventsForLessThanAShortDeadline, which is 5 s in the order
// system, where nothing is configured.
func TestACrashHoldsUpEventsForLessThanAShortDeadline(t *testing.T) {
	if testing.Short() {
		t.Skip("it waits for a lease to end")
	}
	t.Parallel()
	db := openDB(t, "sqlite::memory:")
	crashed := db.newOutbox(t, &broker{answer: func(int, *bus.Message) reply { return reply{lost: true, wait: make(chan struct{})} }},
		outbox.Config{DrainTimeout: time.Millisecond})
	publish(t, crashed, evt("a-1", "a"))
	ctx, crash := context.WithCancel(t.Context())
	defer crash()
	turns, ended := 0, make(chan struct{})
	go func() {
		defer close(ended)
		crashed.RunFaulty(ctx, func() error {
			if turns++; turns > 1 {
				return errCrash
			}
			return nil
		}, func() error { return nil })
	}()
	require.Eventually(t, func() bool { return db.count(t, "SELECT count(*) FROM outbox WHERE claimed_by <> ''") == 1 }, patience, time.Millisecond)
	since := time.Now()
	crash()
	<-ended

	b := &broker{}
	run(t, db.newOutbox(t, b, outbox.Config{}))
	requireArrived(t, db, b, "a-1")
	require.Less(t, time.Since(since), patience)
}

func TestALivingRelayKeepsItsRows(t *testing.T) {
	if testing.Short() {
		t.Skip("it waits for longer than a lease")
	}
	onEach(t, func(t *testing.T, db testDB) {
		answer := make(chan struct{})
		b := &broker{answer: func(int, *bus.Message) reply { return reply{wait: answer} }}
		cfg := soon()
		cfg.Lease, cfg.PollInterval = 2*time.Second, 10*time.Millisecond
		first := db.newOutbox(t, b, cfg)
		publish(t, first, evt("a-1", "a"), evt("a-2", "a"), evt("b-1", "b"))
		run(t, first)
		require.Eventually(t, func() bool { return b.calls() == 2 }, patience, time.Millisecond)
		run(t, db.newOutbox(t, b, cfg)) // would take them
		until := time.Now().Add(cfg.Lease * 3 / 2)
		require.Eventually(t, func() bool { return time.Now().After(until) }, patience, 10*time.Millisecond)
		require.Equal(t, 2, b.calls())
		close(answer)
		requireArrived(t, db, b, "a-1", "a-2", "b-1")
	})
}
