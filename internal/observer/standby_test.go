package observer_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/observer"
	"github.com/laban-io/laban/internal/testenv"
	"github.com/laban-io/laban/pkg/flow"
)

// TestAStandbyTriesAgainAndAgain: connections of both observers are cut, over and
// over. Whoever comes first leads and the other stands by, neither gives up, no
// flow stalls twice by that, and the ledger is what a replay gives.
func TestAStandbyTriesAgainAndAgain(t *testing.T) {
	b := testenv.RabbitMQ(t)
	o := options{ledger: testenv.PostgreSQL(t)}
	pair := []*watching{watch(t, b, o), watch(t, b, o)}
	// settled waits until one leads, which has read a pulse of after a moment.
	settled := func(after time.Time) (leads, waits *watching) {
		require.Eventually(t, func() bool {
			leads, waits = nil, nil
			for _, w := range pair {
				switch s := w.Status(); {
				case s.Role == observer.Active && s.Blind == observer.NotBlind && s.Log.LastPulse.After(after):
					leads = w
				case s.Role == observer.Standby:
					waits = w
				}
			}
			return leads != nil && waits != nil
		}, 2*patience, 20*time.Millisecond, "one should lead, and the other stand by")
		return leads, waits
	}
	leads, _ := settled(time.Time{})
	web, stopWeb := service(t, b, "web", nil, nil)
	place(t, web, "a")
	leads.becomes(t, "a", flow.Stalled)
	stopWeb() // its connections are not to be cut
	for range 2 {
		require.Positive(t, b.CloseConnections(t))
		settled(time.Now().Add(time.Second)) // no pulse is that long on its way
	}
	leads, waits := settled(time.Time{})
	require.Empty(t, waits.Survey().Stalled)
	leads.stop()
	waits.sees(t)
	require.Eventually(t, func() bool { return len(waits.Survey().Stalled) == 1 }, patience, 20*time.Millisecond)
	f := waits.becomes(t, "a", flow.Stalled)
	require.Equal(t, 1, f.Stalls)
	require.Zero(t, waits.Status().Log.Gaps)
	waits.stop()
	l := openLedger(t, o.ledger)
	defer func() { require.NoError(t, l.Close()) }()
	require.Equal(t, replayed(t, b, l, options{}), dump(t, l))
}
