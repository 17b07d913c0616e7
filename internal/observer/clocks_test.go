package observer_test

import (
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/ledger"
	"github.com/laban-io/laban/pkg/choreography"
	"github.com/laban-io/laban/pkg/flow"
)

// TestProducersClocksAreOfNoConsequence: services whose clocks are an hour fast
// and an hour slow stall when they stall, and not otherwise; how far each is off
// is told, and no time of a journey is negative.
func TestProducersClocksAreOfNoConsequence(t *testing.T) {
	bubble(t, func(t *testing.T, m *inMemory) {
		l := openLedger(t, "sqlite:"+filepath.Join(t.TempDir(), "ledger.db"))
		t.Cleanup(func() { require.NoError(t, l.Close()) })
		o, _ := run(t, m.config(t, l))
		pass(time.Second)
		const fast, slow = time.Hour, -time.Hour
		for round := range 20 {
			key := string(rune('a' + round))
			placed := m.emit(t, "web", "order.placed", key+"-well", "", 0)
			m.emit(t, "web", "order.placed", key+"-payment", "", slow)
			pass(300 * time.Millisecond)
			confirmed := m.emit(t, "payment", "payment.confirmed", key+"-well", placed, fast)
			pass(300 * time.Millisecond)
			m.emit(t, "delivery", "order.shipped", key+"-well", confirmed, slow)
			pass(2 * time.Second)
			well, stuck := status(t, l, key+"-well"), status(t, l, key+"-payment")
			require.Equal(t, flow.Completed, well.Status)
			require.Zero(t, well.Stalls)
			require.Equal(t, flow.Stalled, stuck.Status)
			require.Equal(t, "payment", stuck.Waiting[0].Service)
			require.InDelta(t, time.Second, stuck.Waiting[0].Deadline.Sub(stuck.Waiting[0].Since), 0)
			require.WithinDuration(t, time.Now().Add(-1600*time.Millisecond), stuck.Waiting[0].Deadline, 300*time.Millisecond)
			detail, err := l.Flow(t.Context(), "shop", key+"-well")
			require.NoError(t, err)
			journey := journeyOf(&detail)
			require.Len(t, journey.Edges, 2)
			for _, e := range journey.Edges {
				require.Equal(t, e.Total, e.Queue+e.Hand+e.Relay)
				require.GreaterOrEqual(t, min(e.Queue, e.Hand, e.Relay), time.Duration(0))
				require.Less(t, e.Total, 1500*time.Millisecond)
			}
		}
		off := map[string]time.Duration{}
		for _, s := range o.Status().Services {
			off[s.Name] = s.ClockOffset
		}
		require.InDelta(t, fast, off["payment"], float64(300*time.Millisecond))
		require.InDelta(t, slow, off["delivery"], float64(300*time.Millisecond))
	})
}

func journeyOf(d *ledger.Detail) flow.Journey {
	var passages []flow.Passage
	for i := range d.Events {
		e := &d.Events[i]
		passages = append(passages, flow.Passage{
			Number: e.Entry.Number, Cause: e.Entry.Cause, Type: e.Record.Type, Source: e.Record.Source,
			Time: e.Record.Time, TriggerTime: e.Record.TriggerTime, At: e.Entry.At,
		})
	}
	return flow.NewJourney(passages, nil, choreography.Outcomes{})
}

// jumps are what NTP, or a person, does to a clock.
var jumps = map[string][]time.Duration{
	"an hour forward":  {time.Hour},
	"an hour back":     {-time.Hour},
	"there and back":   {time.Hour, -time.Hour, -time.Hour, time.Hour},
	"in small steps":   {400 * time.Millisecond, -300 * time.Millisecond, 900 * time.Millisecond, -1500 * time.Millisecond, 50 * time.Millisecond},
	"a day each round": {24 * time.Hour, 24 * time.Hour, -72 * time.Hour},
}

// TestTheObserversOwnClockMayBeSet while it runs, and while it does not: nothing
// stalls by that, what stalls is found, and log time never goes back.
func TestTheObserversOwnClockMayBeSet(t *testing.T) {
	for name, steps := range jumps {
		for _, restarted := range []bool{false, true} {
			when := " while it runs"
			if restarted {
				when = " between runs"
			}
			t.Run(name+when, func(t *testing.T) {
				bubble(t, func(t *testing.T, m *inMemory) { clockIsSet(t, m, steps, restarted) })
			})
		}
	}
}

func clockIsSet(t *testing.T, m *inMemory, steps []time.Duration, restarted bool) {
	l := openLedger(t, "sqlite:"+filepath.Join(t.TempDir(), "ledger.db"))
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	var off atomic.Int64 // of the observer's clock
	cfg := m.config(t, l)
	cfg.Wall = func() time.Time { return time.Now().Add(time.Duration(off.Load())) }
	_, stop := run(t, cfg)
	pass(5 * time.Second)
	for i, step := range steps {
		n := string(rune('a' + i))
		// One is answered after the step, in time; the other never.
		placed := m.emit(t, "web", "order.placed", "well-"+n, "", 0)
		m.emit(t, "web", "order.placed", "stuck-"+n, "", 0)
		pass(500 * time.Millisecond)
		if restarted {
			stop()
		}
		off.Add(int64(step))
		if restarted {
			_, stop = run(t, cfg)
		}
		pass(200 * time.Millisecond)
		require.Equal(t, flow.Running, status(t, l, "stuck-"+n).Status)
		confirmed := m.emit(t, "payment", "payment.confirmed", "well-"+n, placed, 0)
		m.emit(t, "delivery", "order.shipped", "well-"+n, confirmed, 0)
		// An observer that comes back gives what is owed the time once more.
		pass(2200 * time.Millisecond)
		require.Equal(t, flow.Completed, status(t, l, "well-"+n).Status)
		require.Zero(t, status(t, l, "well-"+n).Stalls)
		require.Equal(t, flow.Stalled, status(t, l, "stuck-"+n).Status, "after 2.9 s of one")
	}
	stop()
	pulses := m.pulses(t)
	require.Greater(t, len(pulses), 10)
	for i := 1; i < len(pulses); i++ {
		passed := pulses[i].Time.Sub(pulses[i-1].Time)
		if pulses[i].Observer == pulses[i-1].Observer {
			require.GreaterOrEqual(t, passed, time.Duration(0), "pulse %d of %d", i, len(pulses))
			require.LessOrEqual(t, passed, 10*time.Second, "log time is none that was jumped over")
		} else {
			// The one before may have written a pulse that it did not live to read.
			require.Greater(t, passed, -300*time.Millisecond, "pulse %d of %d", i, len(pulses))
		}
	}
}
