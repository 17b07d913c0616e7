package observer_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/ledger"
	"github.com/laban-io/laban/internal/observer"
	"github.com/laban-io/laban/pkg/choreography"
	"github.com/laban-io/laban/pkg/flow"
)

const parcels = `
choreography: parcels
starts: [parcel.sent]
outcomes: {completed: [parcel.arrived]}
reactions:
  - {service: web, emits: [parcel.sent]}
  - {service: carrier, on: [parcel.sent], emits: [parcel.arrived], within: 1s}
`

// by lets an observer go by these contracts.
func by(t *testing.T, cfg observer.Config, texts ...string) observer.Config {
	t.Helper()
	cfg.Contracts = nil
	for _, text := range texts {
		cfg.Contracts = append(cfg.Contracts, contract(t, text))
	}
	return cfg
}

// sameReplayed builds the ledger again, by whatever contracts.
func (m *inMemory) sameReplayed(t *testing.T, l *ledger.Ledger, texts ...string) {
	t.Helper()
	for _, given := range [][]string{nil, texts} {
		again := m.replayed(t, l, by(t, m.config(t, nil), given...))
		require.Empty(t, cmp.Diff(strings.Split(dump(t, l), "\n"), strings.Split(again, "\n")), "by %v", given)
	}
}

// TestAReplayFollowsContractsThatChanged: each flow is judged by what was in force
// when it began, whatever the configuration says now; also those that began before
// anybody observed them.
func TestAReplayFollowsContractsThatChanged(t *testing.T) {
	slow := strings.ReplaceAll(shop, "within: 1s", "within: 4s")
	bubble(t, func(t *testing.T, m *inMemory) {
		l := fresh(t)
		m.emit(t, "web", "order.placed", "before", "", 0)
		_, stop := run(t, m.config(t, l))
		pass(3 * time.Second)
		require.Equal(t, flow.Stalled, status(t, l, "before").Status)
		m.emit(t, "web", "order.placed", "first", "", 0)
		pass(300 * time.Millisecond)
		stop()
		_, stop = run(t, by(t, m.config(t, l), slow, parcels))
		pass(3 * time.Second)
		require.Equal(t, flow.Stalled, status(t, l, "first").Status, "it began when a second was enough")
		m.emit(t, "web", "order.placed", "second", "", 0)
		pass(3 * time.Second)
		require.Equal(t, flow.Running, status(t, l, "second").Status)
		pass(2 * time.Second)
		require.Equal(t, flow.Stalled, status(t, l, "second").Status)
		stop()
		m.sameReplayed(t, l, slow, parcels)
		m.sameReplayed(t, l, shop)

		// An observer that has lost its ledger finds the same.
		again := fresh(t)
		_, stop = run(t, by(t, m.config(t, again), slow, parcels))
		pass(10 * time.Second)
		stop()
		m.sameReplayed(t, again, slow)
		require.Equal(t, status(t, l, "before"), status(t, again, "before"))
		require.Equal(t, status(t, l, "first").Rules, status(t, again, "first").Rules)
	})
}

// TestAContractThatIsRemovedIsRetired: flows under way end by its rules, no flow
// begins, and the log says so, for a replay to do the same. It comes back as any
// contract comes.
func TestAContractThatIsRemovedIsRetired(t *testing.T) {
	bubble(t, func(t *testing.T, m *inMemory) {
		l := fresh(t)
		_, stop := run(t, by(t, m.config(t, l), shop, parcels))
		pass(2 * time.Second)
		placed := m.emit(t, "web", "order.placed", "ends", "", 0)
		m.emit(t, "web", "order.placed", "stalls", "", 0)
		pass(200 * time.Millisecond)
		stop()

		o, stop := run(t, by(t, m.config(t, l), parcels))
		pass(500 * time.Millisecond)
		require.Equal(t, []string{"parcels"}, names(o.Contracts()))
		require.Contains(t, services(o), "payment", "whose turn it still is")
		m.emit(t, "payment", "payment.rejected", "ends", placed, 0)
		m.emit(t, "web", "order.placed", "refused", "", 0)
		pass(3 * time.Second)
		require.Equal(t, flow.Failed, status(t, l, "ends").Status)
		require.Equal(t, flow.Stalled, status(t, l, "stalls").Status)
		found, _, err := l.Flows(t.Context(), ledger.Filter{Key: "refused"})
		require.NoError(t, err)
		require.Empty(t, found)
		require.EqualValues(t, 1, o.Status().Unclaimed[flow.NoChoreography.String()])
		stop()
		m.sameReplayed(t, l, parcels, shop)

		o, stop = run(t, by(t, m.config(t, l), shop))
		pass(2 * time.Second)
		require.Equal(t, []string{"shop"}, names(o.Contracts()))
		m.emit(t, "web", "order.placed", "again", "", 0)
		pass(3 * time.Second)
		require.Equal(t, flow.Stalled, status(t, l, "again").Status)
		stop()
		m.sameReplayed(t, l, parcels, shop)
	})
}

func names(contracts []*choreography.Choreography) []string {
	var all []string
	for _, c := range contracts {
		all = append(all, c.Name)
	}
	return all
}

func services(o *observer.Observer) []string {
	var all []string
	for _, s := range o.Status().Services {
		all = append(all, s.Name)
	}
	return all
}
