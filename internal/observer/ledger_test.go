package observer_test

import (
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/database"
	"github.com/laban-io/laban/internal/ledger"
	"github.com/laban-io/laban/internal/observer"
	"github.com/laban-io/laban/pkg/flow"
)

// TestALedgerThatCantBeWrittenMakesBlind: it says so, reads no further, calls
// nothing stalled meanwhile, and goes on by itself.
func TestALedgerThatCantBeWrittenMakesBlind(t *testing.T) {
	bubble(t, func(t *testing.T, m *inMemory) {
		url := "sqlite:" + filepath.Join(t.TempDir(), "ledger.db")
		l := openLedger(t, url)
		t.Cleanup(func() { require.NoError(t, l.Close()) })
		o, _ := run(t, m.config(t, l))
		pass(2 * time.Second)
		m.emit(t, "web", "order.placed", "a", "", 0)
		pass(400 * time.Millisecond)
		require.Equal(t, flow.Running, status(t, l, "a").Status)

		other, _, err := database.Open(t.Context(), url)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, other.Close()) })
		lock, err := other.BeginTx(t.Context(), nil)
		require.NoError(t, err)
		pass(20 * time.Second)
		s := o.Status()
		require.Equal(t, observer.Lagging, s.Blind)
		require.Contains(t, s.BlindDetail, "the ledger has not been written")
		require.Equal(t, flow.Running, status(t, l, "a").Status)
		m.emit(t, "web", "order.placed", "b", "", 0)
		pass(20 * time.Second)
		require.Len(t, o.Survey().Stalled, 1)
		require.Equal(t, 1, o.Survey().Stalled[0].Count, "what nobody can be shown is not judged")
		require.NoError(t, lock.Rollback())
		pass(10 * time.Second)
		require.Equal(t, observer.NotBlind, o.Status().Blind)
		require.Equal(t, flow.Stalled, status(t, l, "a").Status)
		require.Equal(t, flow.Stalled, status(t, l, "b").Status)
	})
}

// TestOneOfTwoObserversOfALedgerStandsBy: both of them pulse, which no broker
// would let them, and write to the same ledger. The one that is refused stops
// writing, says why, and leaves the ledger alone until nobody else writes.
func TestOneOfTwoObserversOfALedgerStandsBy(t *testing.T) {
	bubble(t, func(t *testing.T, m *inMemory) {
		url := "sqlite:" + filepath.Join(t.TempDir(), "ledger.db")
		open := func() *ledger.Ledger {
			l := openLedger(t, url)
			t.Cleanup(func() { require.NoError(t, l.Close()) })
			return l
		}
		ledgers := []*ledger.Ledger{open(), open()}
		var said strings.Builder
		cfg := m.config(t, ledgers[0])
		cfg.Log, cfg.Logger = contested{cfg.Log}, slog.New(slog.NewTextHandler(&said, nil))
		first, _ := run(t, cfg)
		pass(2 * time.Second)
		m.emit(t, "web", "order.placed", "a", "", 0)
		pass(2 * time.Second)
		require.Equal(t, flow.Stalled, status(t, ledgers[0], "a").Status)

		cfg2 := m.config(t, ledgers[1])
		cfg2.Log = contested{cfg2.Log}
		second, stopSecond := run(t, cfg2)
		pass(time.Minute)
		require.Equal(t, observer.Standby, first.Status().Role)
		require.Equal(t, observer.Active, second.Status().Role)
		require.Equal(t, 1, strings.Count(said.String(), "another observer has written to the ledger; this one stands by"))
		require.Contains(t, said.String(), "give each a ledger of its own")
		head, err := ledgers[1].Head(t.Context())
		require.NoError(t, err)
		require.EqualValues(t, 2, head.Epoch, "the first has not tried to take it back")
		require.Equal(t, 1, status(t, ledgers[1], "a").Stalls)
		stopSecond()
		pass(time.Minute)
		require.Equal(t, observer.Active, first.Status().Role, "nobody else writes any more")
		m.emit(t, "web", "order.placed", "b", "", 0)
		pass(3 * time.Second)
		require.Equal(t, flow.Stalled, status(t, ledgers[0], "b").Status)
	})
}

// TestALedgerOfItsOwnKnowsNothingOfAnothersPulses: an observer with a new ledger
// reads the pulses of one before it, whose terms had the same numbers, and does
// not take them for its own.
func TestALedgerOfItsOwnKnowsNothingOfAnothersPulses(t *testing.T) {
	bubble(t, func(t *testing.T, m *inMemory) {
		_, stop := run(t, m.config(t, fresh(t)))
		m.emit(t, "web", "order.placed", "a", "", 0)
		pass(20 * time.Second)
		stop()
		cfg := m.config(t, fresh(t))
		cfg.Log = &held{Log: cfg.Log, after: 20, until: time.Now().Add(3 * time.Second)}
		o, _ := run(t, cfg)
		pass(2 * time.Second)
		s := o.Status()
		require.Positive(t, s.Log.Offset)
		require.Equal(t, observer.Lagging, s.Blind, "it has read pulses, and none of its own")
		pass(4 * time.Second)
		require.Equal(t, observer.NotBlind, o.Status().Blind)
	})
}

// fresh is a ledger that knows nothing.
func fresh(t *testing.T) *ledger.Ledger {
	t.Helper()
	l := openLedger(t, "sqlite:"+filepath.Join(t.TempDir(), "ledger.db"))
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	return l
}
