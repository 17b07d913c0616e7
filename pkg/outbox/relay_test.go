package outbox_test

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/laban-io/laban/internal/database"
	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/pkg/outbox"
)

// soon makes a relay that retries without much delay and never polls.
func soon() outbox.Config {
	return outbox.Config{MinBackoff: time.Millisecond, MaxBackoff: 20 * time.Millisecond, PollInterval: time.Hour}
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

// TestRelayWorksThroughInstrumentation wraps the driver, as tracing does.
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

// TestRelayListensAgain cuts the connection that notifications come by.
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

func TestWindowBoundsWhatIsInHand(t *testing.T) {
	onEach(t, func(t *testing.T, db testDB) {
		var current, most atomic.Int64
		b := &slow{broker: &broker{}, enter: func() { most.Store(max(most.Load(), current.Add(1))) }, leave: func() { current.Add(-1) }}
		cfg := soon()
		cfg.Window = 7
		sender, err := bus.New(bus.Config{Service: "shop"}, b)
		require.NoError(t, err)
		ob, err := outbox.New(db.DB, db.dialect, sender, cfg)
		require.NoError(t, err)
		var events []event.Event
		for i := range 100 {
			events = append(events, evt(fmt.Sprint(i), fmt.Sprint(i)))
		}
		publish(t, ob, events...)
		run(t, ob)
		require.Eventually(t, func() bool { return db.stored(t) == 0 }, patience, time.Millisecond)
		require.Len(t, b.ids(), 100)
		require.LessOrEqual(t, most.Load(), int64(7))
		require.Greater(t, most.Load(), int64(1), "rows are published at the same time")
	})
}

// slow answers on another goroutine, in any order.
type slow struct {
	*broker
	enter, leave func()
}

func (s *slow) Send(ctx context.Context, m *bus.Message, done func(error)) {
	s.enter()
	go func() {
		for range rand.IntN(50) {
			runtime.Gosched()
		}
		s.broker.Send(ctx, m, func(err error) {
			s.leave()
			done(err)
		})
	}()
}

func TestWindowBytesBoundsMemory(t *testing.T) {
	onEach(t, func(t *testing.T, db testDB) {
		answer := make(chan struct{})
		b := &broker{answer: func(int, *bus.Message) reply { return reply{wait: answer} }}
		cfg := soon()
		cfg.WindowBytes = 1000
		ob := db.newOutbox(t, b, cfg)
		var events []event.Event
		for i, size := range []int{400, 400, 400, 5000, 10} {
			e := evt(fmt.Sprint(i), fmt.Sprint(i))
			e.Data = make([]byte, size)
			events = append(events, e)
		}
		publish(t, ob, events...)
		run(t, ob)
		sent := func(n int) {
			t.Helper()
			require.Eventually(t, func() bool { return b.calls() == n }, patience, time.Millisecond)
			require.Never(t, func() bool { return b.calls() != n }, 30*time.Millisecond, time.Millisecond)
		}
		sent(2)
		answer <- struct{}{}
		sent(3) // 400 and 400
		answer <- struct{}{}
		answer <- struct{}{}
		sent(4) // 5000, alone
		answer <- struct{}{}
		answer <- struct{}{}
		require.Eventually(t, func() bool { return db.stored(t) == 0 }, patience, time.Millisecond)
	})
}

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
				require.Less(t, time.Since(start), 5*time.Second)
				require.Equal(t, 3, db.count(t, "SELECT count(*) FROM outbox WHERE claimed_by = '' AND not_before = 0 AND attempts = 0"),
					"the rows are free for the next start at once")
				_, err := db.Exec("DELETE FROM outbox")
				require.NoError(t, err)
			})
		}
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

// TestRowsOfACrashedRelayAreTakenOver leaves rows in the hands of a relay that
// gives no sign of life any more.
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

// TestALivingRelayKeepsItsRows: publishing takes much longer than a lease.
func TestALivingRelayKeepsItsRows(t *testing.T) {
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
