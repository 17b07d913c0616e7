package observer_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/ledger"
	"github.com/laban-io/laban/internal/observer"
	"github.com/laban-io/laban/internal/observer/source"
	"github.com/laban-io/laban/pkg/flow"
)

// TestAnObserverThatWasStoppedForAMinute goes on where it was: what was answered
// meanwhile never stalls, however late it reads that; what was not stalls within
// its time; and a replay gives the same.
func TestAnObserverThatWasStoppedForAMinute(t *testing.T) {
	for name, away := range map[string]time.Duration{"a second and a half": 1500 * time.Millisecond, "a minute": time.Minute} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, m *inMemory) {
				l := fresh(t)
				_, stop := run(t, m.config(t, l))
				pass(2 * time.Second)
				before := m.emit(t, "web", "order.placed", "answered-meanwhile", "", 0)
				m.emit(t, "web", "order.placed", "never-answered", "", 0)
				late := m.emit(t, "web", "order.placed", "answered-after", "", 0)
				pass(500 * time.Millisecond)
				stop()

				pass(away / 3)
				meanwhile := m.emit(t, "web", "order.placed", "placed-meanwhile", "", 0)
				before = m.emit(t, "payment", "payment.confirmed", "answered-meanwhile", before, 0)
				pass(away / 3)
				m.emit(t, "delivery", "order.shipped", "answered-meanwhile", before, 0)
				pass(away - 2*(away/3))

				o, stop := run(t, m.config(t, l))
				pass(700 * time.Millisecond)
				require.Zero(t, o.Status().Log.Gaps)
				for _, key := range []string{"never-answered", "answered-after", "placed-meanwhile"} {
					require.Equal(t, flow.Running, status(t, l, key).Status, key)
				}
				late = m.emit(t, "payment", "payment.confirmed", "answered-after", late, 0)
				meanwhile = m.emit(t, "payment", "payment.confirmed", "placed-meanwhile", meanwhile, 0)
				pass(200 * time.Millisecond)
				m.emit(t, "delivery", "order.shipped", "answered-after", late, 0)
				m.emit(t, "delivery", "order.shipped", "placed-meanwhile", meanwhile, 0)
				pass(time.Second)
				for _, key := range []string{"answered-meanwhile", "answered-after", "placed-meanwhile"} {
					f := status(t, l, key)
					require.Equal(t, flow.Completed, f.Status, key)
					require.Zero(t, f.Stalls, key)
				}
				require.Equal(t, flow.Stalled, status(t, l, "never-answered").Status)
				stop()
				require.Equal(t, dump(t, l), m.replayed(t, l, m.config(t, nil)))
			})
		})
	}
}

// replayed is the dump of a ledger that is built from the log up to where another
// one is.
func (m *inMemory) replayed(t *testing.T, like *ledger.Ledger, cfg observer.Config) string {
	t.Helper()
	head, err := like.Head(t.Context())
	require.NoError(t, err)
	l := openLedger(t, "sqlite:"+filepath.Join(t.TempDir(), "replay.db"))
	defer func() { require.NoError(t, l.Close()) }()
	cfg.Ledger = l
	o, err := observer.New(cfg)
	require.NoError(t, err)
	require.NoError(t, o.Replay(t.Context(), source.Place{}, head.Position.Next))
	return dump(t, l)
}
