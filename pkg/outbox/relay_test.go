package outbox_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/outbox"
)

// soon makes a relay that retries without much delay and never polls.

func soon() outbox.Config {
	return outbox.Config{
		MinBackoff: time.Millisecond, MaxBackoff: 20 * time.Millisecond, PollInterval: time.Hour,
		Lease: time.Minute, // a busy machine is no crash
	}
}

// require that exactly these arrive, each once, in this order within a key.

func requireArrived(t *testing.T, db testDB, b *broker, want ...string) {
	t.Helper()
	require.Eventually(t, func() bool { return len(b.ids()) >= len(want) && db.stored(t) == 0 }, patience, time.Millisecond,
		"want %v", want)
	require.ElementsMatch(t, want, b.ids())
	requireOrder(t, b)
}

// requireOrder checks that numbers ascend within each key; ids are "key-number".

func requireOrder(t *testing.T, b *broker) {
	t.Helper()
	last := map[string]int{}
	for _, id := range b.ids() {
		var n int
		var key string
		_, err := fmt.Sscanf(id, "%1s-%d", &key, &n)
		require.NoError(t, err)
		require.Less(t, last[key], n, "order of key %s in %v", key, b.ids())
		last[key] = n
	}
}

// TestRelayWorksThroughInstrumentation wraps the driver, as tracing does.

// TestRelayListensAgain cuts the connection that notifications come by.

func TestRelayPublishesKeysAtTheSameTimeAndOneKeyInTurn(t *testing.T) {
	onEach(t, func(t *testing.T, db testDB) {
		answer := make(chan struct{})
		b := &broker{answer: func(int, *bus.Message) reply { return reply{wait: answer} }}
		ob := db.newOutbox(t, b, soon())
		publish(t, ob, evt("a-1", "a"), evt("a-2", "a"), evt("b-1", "b"), evt("c-1", "c"), evt("b-2", "b"))
		run(t, ob)
		require.Eventually(t, func() bool { return b.calls() == 3 }, patience, time.Millisecond)
		publish(t, ob, evt("a-3", "a"), evt("d-1", "d")) // while the others are under way
		require.Eventually(t, func() bool { return b.calls() == 4 }, patience, time.Millisecond)
		require.ElementsMatch(t, []string{"a-1", "b-1", "c-1", "d-1"}, b.ids())
		close(answer)
		requireArrived(t, db, b, "a-1", "a-2", "a-3", "b-1", "b-2", "c-1", "d-1")
	})
}

func TestBrokerDownThenUp(t *testing.T) {
	for _, why := range []error{bus.ErrUnreachable, bus.ErrBlocked, bus.ErrClosed, context.DeadlineExceeded} {
		t.Run(why.Error(), func(t *testing.T) {
			onEach(t, func(t *testing.T, db testDB) {
				var up atomic.Bool
				b := &broker{answer: func(int, *bus.Message) reply {
					if up.Load() {
						return reply{}
					}
					return reply{err: why}
				}}
				cfg := soon()
				cfg.MaxAttempts = 2 // an absent broker must not count
				ob := db.newOutbox(t, b, cfg)
				var want []string
				for i := range 60 {
					id := fmt.Sprintf("%c-%d", 'a'+i%3, 1+i/3)
					want = append(want, id)
					publish(t, ob, evt(id, id[:1]))
				}
				run(t, ob)
				require.Eventually(t, func() bool { return b.calls() > 5 }, patience, time.Millisecond)
				s, err := ob.Stats(t.Context())
				require.NoError(t, err)
				require.Equal(t, 60, s.Backlog)
				require.Zero(t, s.Failed)
				up.Store(true)
				requireArrived(t, db, b, want...)
			})
		})
	}
}

// TestAnAbsentBrokerIsNotHammered: while it is away, one row tries it now and

// then, not every row all the time.

func TestAnAbsentBrokerIsNotHammered(t *testing.T) {
	db := openDB(t, "sqlite::memory:")
	b := &broker{answer: func(int, *bus.Message) reply { return reply{err: bus.ErrUnreachable} }}
	ob := db.newOutbox(t, b, outbox.Config{MinBackoff: time.Minute, MaxBackoff: time.Minute, PollInterval: time.Millisecond})
	for i := range 100 {
		publish(t, ob, evt(fmt.Sprint(i), fmt.Sprint(i)))
	}
	stop := run(t, ob)
	require.Eventually(t, func() bool { return b.calls() > 0 }, patience, time.Millisecond)
	stop()
	require.LessOrEqual(t, b.calls(), 100, "no row is tried twice within a pause")
	require.Equal(t, 100, db.count(t, "SELECT count(*) FROM outbox WHERE claimed_by = '' AND not_before = 0 AND attempts = 0"), "all are given back")
}

func TestUnconfirmedRowIsPublishedAgainWithTheSameID(t *testing.T) {
	onEach(t, func(t *testing.T, db testDB) {
		b := &broker{answer: func(n int, _ *bus.Message) reply {
			if n == 0 {
				return reply{err: bus.ErrUnconfirmed}
			}
			return reply{}
		}}
		ob := db.newOutbox(t, b, soon())
		publish(t, ob, evt("a-1", "a"), evt("a-2", "a"))
		run(t, ob)
		require.Eventually(t, func() bool { return db.stored(t) == 0 }, patience, time.Millisecond)
		require.Equal(t, []string{"a-1", "a-1", "a-2"}, b.ids())
	})
}

// mute is a transport that forgets to answer.

type mute struct {
	broker
	forget atomic.Int64
}

func (m *mute) Send(ctx context.Context, msg *bus.Message, done func(error)) {
	if m.forget.Add(-1) >= 0 {
		return
	}
	m.broker.Send(ctx, msg, done)
}

func TestAnAnswerThatNeverComesIsNotWaitedFor(t *testing.T) {
	db := openDB(t, "sqlite::memory:")
	m := &mute{}
	m.forget.Store(2)
	sender, err := bus.New(bus.Config{Service: "shop"}, m)
	require.NoError(t, err)
	cfg := soon()
	cfg.Logger = slog.New(slog.DiscardHandler)
	cfg.PublishTimeout, cfg.Lease = 10*time.Millisecond, 30*time.Millisecond
	ob, err := outbox.New(db.DB, db.dialect, sender, cfg)
	require.NoError(t, err)
	publish(t, ob, evt("a-1", "a"), evt("b-1", "b"), evt("a-2", "a"))
	run(t, ob)
	requireArrived(t, db, &m.broker, "a-1", "a-2", "b-1")
}

// slow answers on another goroutine, in any order.

// TestRowsOfACrashedRelayAreTakenOver leaves rows in the hands of a relay that

// gives no sign of life any more.

// TestALivingRelayKeepsItsRows: publishing takes much longer than a lease.

func TestPublishedRowsAreKeptIfAsked(t *testing.T) {
	onEach(t, func(t *testing.T, db testDB) {
		b := &broker{}
		cfg := soon()
		cfg.KeepPublished = time.Hour
		ob := db.newOutbox(t, b, cfg)
		run(t, ob)
		publish(t, ob, evt("a-1", "a"), evt("a-2", "a"))
		kept := func() int {
			return db.count(t, "SELECT count(*) FROM outbox WHERE published_at IS NOT NULL AND claimed_by = ''")
		}
		require.Eventually(t, func() bool { return kept() == 2 }, patience, time.Millisecond)
		publish(t, ob, evt("a-3", "a"))
		require.Eventually(t, func() bool { return kept() == 3 }, patience, time.Millisecond)
		require.Equal(t, []string{"a-1", "a-2", "a-3"}, b.ids(), "they are published once")
		s, err := ob.Stats(t.Context())
		require.NoError(t, err)
		require.Equal(t, outbox.Stats{}, s)
	})
}
