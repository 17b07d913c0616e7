package outbox_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/testenv"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/pkg/outbox"
)

func addEffect(ctx context.Context, tx *sql.Tx, id string) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO effects (id) VALUES ($1)", id)
	return err
}

func (db testDB) effects(t testing.TB) int { return db.count(t, "SELECT count(*) FROM effects") }
func (db testDB) stored(t testing.TB) int  { return db.count(t, "SELECT count(*) FROM outbox") }

var errBusiness = errors.New("the shop is closed")

func TestTransactCommitsEffectAndEventTogether(t *testing.T) {
	onEach(t, func(t *testing.T, db testDB) {
		ob := db.newOutbox(t, &broker{}, outbox.Config{})
		var inner *sql.Tx
		require.NoError(t, ob.Transact(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
			var ok bool
			inner, ok = outbox.TxFrom(ctx)
			require.True(t, ok)
			require.Same(t, tx, inner)
			require.NoError(t, addEffect(ctx, tx, "1"))
			return ob.Publish(ctx, evt("1", "k"), evt("2", "k"))
		}))
		require.Equal(t, 1, db.effects(t))
		require.Equal(t, 2, db.stored(t))
	})
}

func TestTransactRollsBack(t *testing.T) {
	storing := func(ob *outbox.Outbox, then func() error) func(context.Context, *sql.Tx) error {
		return func(ctx context.Context, tx *sql.Tx) error {
			if err := addEffect(ctx, tx, "1"); err != nil {
				return err
			}
			if err := ob.Publish(ctx, evt("1", "k")); err != nil {
				return err
			}
			return then()
		}
	}
	onEach(t, func(t *testing.T, db testDB) {
		ob := db.newOutbox(t, &broker{}, outbox.Config{})
		t.Run("on an error", func(t *testing.T) {
			err := ob.Transact(t.Context(), storing(ob, func() error { return errBusiness }))
			require.ErrorIs(t, err, errBusiness)
		})
		t.Run("on a panic", func(t *testing.T) {
			require.PanicsWithValue(t, "boom", func() {
				_ = ob.Transact(t.Context(), storing(ob, func() error { panic("boom") }))
			})
		})
		t.Run("when the context ends", func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			err := ob.Transact(ctx, storing(ob, func() error { cancel(errBusiness); return nil }))
			require.ErrorIs(t, err, outbox.ErrRolledBack)
			require.ErrorIs(t, err, errBusiness, "the cause of the end")
			require.NotErrorIs(t, err, outbox.ErrCommitUnknown)
		})
		require.Zero(t, db.effects(t))
		require.Zero(t, db.stored(t))
		// Neither connections nor SQLite's only writer may be held still.
		publish(t, ob, evt("2", "k"))
	})
}

func TestAfterCommitIsCalledWhenItIsTrue(t *testing.T) {
	onEach(t, func(t *testing.T, db testDB) {
		ob := db.newOutbox(t, &broker{}, outbox.Config{})
		var said []string
		say := func(ctx context.Context, what string) {
			outbox.AfterCommit(ctx, func() { said = append(said, fmt.Sprint(what, " ", db.effects(t))) })
		}
		transact := func(end error) error {
			return ob.Transact(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
				say(ctx, "outer")
				if err := ob.Transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
					say(ctx, "nested")
					return addEffect(ctx, tx, "1")
				}); err != nil {
					return err
				}
				require.Empty(t, said)
				return end
			})
		}
		require.ErrorIs(t, transact(errBusiness), errBusiness)
		require.Empty(t, said, "it was rolled back")
		require.NoError(t, transact(nil))
		require.Equal(t, []string{"outer 1", "nested 1"}, said, "in order, the effect being there")

		said = nil
		calls := 0
		require.NoError(t, ob.Transact(t.Context(), func(ctx context.Context, _ *sql.Tx) error {
			calls++
			say(ctx, fmt.Sprint("attempt ", calls))
			if calls == 1 {
				return &pgconn.PgError{Code: "40001"} // a conflict
			}
			return nil
		}))
		require.Equal(t, []string{"attempt 2 1"}, said)

		said = nil
		say(t.Context(), "outside")
		var kept context.Context
		require.NoError(t, ob.Transact(t.Context(), func(ctx context.Context, _ *sql.Tx) error { kept = ctx; return nil }))
		say(kept, "too late")
		require.Equal(t, []string{"outside 1", "too late 1"}, said)

		said = nil
		ended, end := context.WithCancel(t.Context())
		require.ErrorIs(t, ob.Transact(ended, func(ctx context.Context, _ *sql.Tx) error {
			say(ctx, "its context ended")
			end()
			return nil
		}), outbox.ErrRolledBack)
		require.ErrorIs(t, ob.Transact(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
			say(ctx, "nobody knows")
			return tx.Commit()
		}), outbox.ErrCommitUnknown)
		require.Empty(t, said)
	})
}

func TestTransactNested(t *testing.T) {
	onEach(t, func(t *testing.T, db testDB) {
		ob := db.newOutbox(t, &broker{}, outbox.Config{})
		nested := func(ctx context.Context, outer *sql.Tx, end error) error {
			return ob.Transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
				require.Same(t, outer, tx)
				require.NoError(t, addEffect(ctx, tx, "nested"))
				require.NoError(t, ob.Publish(ctx, evt("nested", "k")))
				return end
			})
		}
		t.Run("joins the outer one", func(t *testing.T) {
			err := ob.Transact(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
				require.NoError(t, nested(ctx, tx, nil))
				require.Zero(t, db.effects(t), "nothing is committed before the outer one is")
				return errBusiness
			})
			require.ErrorIs(t, err, errBusiness)
			require.Zero(t, db.effects(t))
		})
		t.Run("its error rolls back the outer one that ignores it", func(t *testing.T) {
			err := ob.Transact(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
				require.ErrorIs(t, nested(ctx, tx, errBusiness), errBusiness)
				return nil
			})
			require.ErrorIs(t, err, outbox.ErrRolledBack)
			require.ErrorIs(t, err, errBusiness)
			require.Zero(t, db.effects(t))
			require.Zero(t, db.stored(t))
		})
		t.Run("its panic rolls back the outer one that recovers", func(t *testing.T) {
			err := ob.Transact(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
				require.Panics(t, func() {
					_ = ob.Transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
						require.NoError(t, addEffect(ctx, tx, "nested"))
						panic("boom")
					})
				})
				return nil
			})
			require.ErrorIs(t, err, outbox.ErrRolledBack)
			require.Zero(t, db.effects(t))
		})
		t.Run("commits with the outer one", func(t *testing.T) {
			require.NoError(t, ob.Transact(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
				return nested(ctx, tx, nil)
			}))
			require.Equal(t, 1, db.effects(t))
			require.Equal(t, 1, db.stored(t))
		})
	})
}

func TestTransactOfAnotherOutboxIsItsOwn(t *testing.T) {
	one, two := openDB(t, "sqlite::memory:"), openDB(t, "sqlite::memory:")
	first, second := one.newOutbox(t, &broker{}, outbox.Config{}), two.newOutbox(t, &broker{}, outbox.Config{})
	err := first.Transact(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		require.ErrorIs(t, second.Publish(ctx, evt("1", "k")), outbox.ErrNoTransaction)
		require.NoError(t, second.Transact(ctx, func(ctx context.Context, other *sql.Tx) error {
			require.NotSame(t, tx, other)
			require.NoError(t, first.Publish(ctx, evt("2", "k")), "the outer transaction is still there")
			return second.Publish(ctx, evt("1", "k"))
		}))
		return errBusiness
	})
	require.ErrorIs(t, err, errBusiness)
	require.Zero(t, one.stored(t))
	require.Equal(t, 1, two.stored(t))
}

func TestNothingCanBeStoredOutsideATransaction(t *testing.T) {
	onEach(t, func(t *testing.T, db testDB) {
		ob := db.newOutbox(t, &broker{}, outbox.Config{})
		var kept context.Context
		require.NoError(t, ob.Transact(t.Context(), func(ctx context.Context, _ *sql.Tx) error {
			kept = ctx
			return nil
		}))
		for name, ctx := range map[string]context.Context{"none": t.Context(), "one that is over": kept} {
			require.ErrorIs(t, ob.Publish(ctx, evt("1", "k")), outbox.ErrNoTransaction, name)
			_, err := ob.Accept(ctx, evt("1", "k"))
			require.ErrorIs(t, err, outbox.ErrNoTransaction, name)
			_, ok := outbox.TxFrom(ctx)
			require.False(t, ok, name)
		}
		require.NoError(t, ob.Publish(t.Context()), "no events need no transaction")
	})
}

func TestTransactSaysThatASwallowedFailureUndidIt(t *testing.T) {
	db := openDB(t, testenv.PostgreSQL(t))
	ob := db.newOutbox(t, &broker{}, outbox.Config{})
	err := ob.Transact(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		require.NoError(t, addEffect(ctx, tx, "1"))
		_, err := tx.ExecContext(ctx, "SELECT nonsense")
		require.Error(t, err)
		return nil
	})
	require.ErrorIs(t, err, outbox.ErrRolledBack)
	require.Zero(t, db.effects(t))
}

func TestTransactSaysThatItsFunctionCommitted(t *testing.T) {
	onEach(t, func(t *testing.T, db testDB) {
		ob := db.newOutbox(t, &broker{}, outbox.Config{})
		err := ob.Transact(t.Context(), func(_ context.Context, tx *sql.Tx) error { return tx.Commit() })
		require.ErrorIs(t, err, outbox.ErrCommitUnknown)
	})
}

func TestTransactTriesConflictsAgainButNotForEver(t *testing.T) {
	db := openDB(t, "sqlite::memory:")
	ob := db.newOutbox(t, &broker{}, outbox.Config{TxAttempts: 4})
	for _, code := range []string{"40001", "40P01"} {
		t.Run(code, func(t *testing.T) {
			conflict := fmt.Errorf("update the stock: %w", &pgconn.PgError{Code: code})
			calls := 0
			require.NoError(t, ob.Transact(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
				require.NoError(t, addEffect(ctx, tx, "once"))
				if calls++; calls < 3 {
					return conflict
				}
				return nil
			}))
			require.Equal(t, 3, calls)

			calls = 0
			err := ob.Transact(t.Context(), func(context.Context, *sql.Tx) error { calls++; return conflict })
			require.ErrorIs(t, err, conflict)
			require.Equal(t, 4, calls)
		})
	}
	require.Equal(t, 2, db.effects(t), "what conflicted was undone")

	calls := 0
	err := ob.Transact(t.Context(), func(context.Context, *sql.Tx) error { calls++; return errBusiness })
	require.ErrorIs(t, err, errBusiness)
	require.Equal(t, 1, calls, "only a conflict is tried again")
}

func TestSerializableTransactionsAllSucceed(t *testing.T) {
	// Each reads what the others write; without another try most would fail.
	onEach(t, func(t *testing.T, db testDB) {
		ob := db.newOutbox(t, &broker{}, outbox.Config{Isolation: sql.LevelSerializable, TxAttempts: 200})
		_, err := db.Exec("CREATE TABLE counter (n INTEGER NOT NULL)")
		require.NoError(t, err)
		_, err = db.Exec("INSERT INTO counter (n) VALUES (0)")
		require.NoError(t, err)
		const workers, each = 4, 10
		var group sync.WaitGroup
		failures := make(chan error, workers*each)
		for range workers {
			group.Go(func() {
				for range each {
					failures <- ob.Transact(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
						var n int
						if err := tx.QueryRowContext(ctx, "SELECT n FROM counter").Scan(&n); err != nil {
							return err
						}
						_, err := tx.ExecContext(ctx, "UPDATE counter SET n = $1", n+1)
						return err
					})
				}
			})
		}
		group.Wait()
		close(failures)
		for err := range failures {
			require.NoError(t, err)
		}
		require.Equal(t, workers*each, db.count(t, "SELECT n FROM counter"))
	})
}

// TestBusySQLiteIsTriedAgain lets another process hold the write lock.
func TestBusySQLiteIsTriedAgain(t *testing.T) {
	path := t.TempDir() + "/busy.db"
	other := openDB(t, "sqlite:"+path)
	impatient, err := sql.Open("sqlite", "file:"+path+"?_txlock=immediate&_busy_timeout=1")
	require.NoError(t, err)
	defer impatient.Close()
	ob := testDB{DB: impatient, dialect: outbox.SQLite}.newOutbox(t, &broker{}, outbox.Config{TxAttempts: 3})

	lock, err := other.Begin()
	require.NoError(t, err)
	calls := 0
	add := func(ctx context.Context, tx *sql.Tx) error { calls++; return addEffect(ctx, tx, "1") }
	err = ob.Transact(t.Context(), add)
	require.ErrorContains(t, err, "SQLITE_BUSY")
	require.ErrorContains(t, err, "3 conflicts")

	released := make(chan error, 1)
	patient := testDB{DB: impatient, dialect: outbox.SQLite}.newOutbox(t, &broker{}, outbox.Config{TxAttempts: 1000})
	go func() { released <- patient.Transact(context.Background(), add) }()
	require.NoError(t, lock.Rollback())
	require.NoError(t, <-released)
	require.Equal(t, 1, calls)
	require.Equal(t, 1, other.effects(t))
}

// TestLostCommitIsNotCalledRolledBack cuts the connection before the commit.
func TestLostCommitIsNotCalledRolledBack(t *testing.T) {
	db := openDB(t, testenv.PostgreSQL(t))
	ob := db.newOutbox(t, &broker{}, outbox.Config{})
	err := ob.Transact(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		var pid int
		require.NoError(t, tx.QueryRowContext(ctx, "SELECT pg_backend_pid()").Scan(&pid))
		_, err := db.Exec("SELECT pg_terminate_backend($1)", pid)
		require.NoError(t, err)
		return nil
	})
	require.ErrorIs(t, err, outbox.ErrCommitUnknown)
	require.NotErrorIs(t, err, outbox.ErrRolledBack)
	publish(t, ob, evt("1", "k")) // on another connection
}

func TestWritersOfSQLiteWaitInLine(t *testing.T) {
	db := openDB(t, "sqlite::memory:")
	ob := db.newOutbox(t, &broker{}, outbox.Config{})
	entered, leave := make(chan struct{}), make(chan struct{})
	first := make(chan error, 1)
	go func() {
		first <- ob.Transact(context.Background(), func(context.Context, *sql.Tx) error {
			close(entered)
			<-leave
			return nil
		})
	}()
	<-entered
	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, errBusiness)
	defer cancel()
	err := ob.Transact(ctx, func(context.Context, *sql.Tx) error { return errors.New("must not run") })
	require.ErrorIs(t, err, errBusiness, "who waits heeds the context")
	seen, err := ob.Seen(t.Context(), evt("1", "k"))
	require.NoError(t, err, "readers do not wait")
	require.False(t, seen)
	close(leave)
	require.NoError(t, <-first)
	publish(t, ob, evt("1", "k"))
}

func TestPublishRefusesWhatCanNeverBePublished(t *testing.T) {
	db := openDB(t, "sqlite::memory:")
	ob := db.newOutbox(t, &broker{}, outbox.Config{})
	err := ob.Transact(t.Context(), func(ctx context.Context, _ *sql.Tx) error {
		return ob.Publish(ctx, evt("1", "k"), event.New("bad\x00type", nil))
	})
	require.ErrorIs(t, err, event.ErrInvalid)
	require.Zero(t, db.stored(t))
}
