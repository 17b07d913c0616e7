package metrics_test

import (
	"bytes"
	"os"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/laban-io/laban/internal/observer/metrics"
	"github.com/laban-io/laban/pkg/flow"
)

// transition is any.
var transition = rapid.Custom(func(t *rapid.T) flow.Transition {
	name := rapid.SampledFrom([]string{"order", "return", "", "\xff"})
	x := of(flow.Kind(rapid.IntRange(0, int(flow.Forgotten)).Draw(t, "kind")), nil)
	x.Choreography = name.Draw(t, "choreography")
	x.Due = flow.Due{Step: name.Draw(t, "step"), Service: name.Draw(t, "service")}
	x.Finding.Cause = rapid.SampledFrom(flow.Causes()).Draw(t, "cause")
	x.Deviation = rapid.SampledFrom(flow.Deviations()).Draw(t, "deviation")
	x.FlowID = name.Draw(t, "flow")
	x.To = rapid.SampledFrom(flow.Statuses()).Draw(t, "to")
	x.Again, x.Clean, x.Spoiled = rapid.Bool().Draw(t, "again"), rapid.Bool().Draw(t, "clean"), rapid.Bool().Draw(t, "spoiled")
	x.Duration = time.Duration(rapid.Int64().Draw(t, "duration"))
	x.Trace.TraceID[0] = rapid.Byte().Draw(t, "trace")
	x.Trace.Sampled = rapid.Bool().Draw(t, "sampled")
	x.At = noon.Add(time.Duration(rapid.IntRange(0, 1e9).Draw(t, "at")))
	return x
})

func TestARestartAnywhereChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ts := rapid.SliceOfN(transition, 0, 50).Draw(t, "transitions")
		whole := collect()
		whole.Apply(ts)
		part := collect()
		for len(ts) > 0 {
			n := rapid.IntRange(1, len(ts)).Draw(t, "n")
			part.Apply(ts[:n])
			ts = ts[n:]
			next := collect()
			require.NoError(t, next.Restore(part.State()))
			require.Equal(t, part.State(), next.State())
			part = next
		}
		require.True(t, bytes.Equal(whole.State(), part.State()))
	})
}

func TestARestoredCollectorExportsTheSame(t *testing.T) {
	before := counted()
	after := collect()
	require.NoError(t, after.Restore(before.State()))
	require.Equal(t, scrape(t, before, openMetrics), scrape(t, after, openMetrics), "exemplars too")
}

func TestContractsAreNoPartOfTheState(t *testing.T) {
	c := collect()
	state := c.State()
	c.SetContracts(nil)
	require.Equal(t, state, c.State(), "when they became known depends on the process")
}

func TestADamagedStateChangesNothing(t *testing.T) {
	c := counted()
	state := c.State()
	for i := 1; i < len(state); i++ {
		require.ErrorIs(t, c.Restore(state[:i]), metrics.ErrState, "cut at %d", i)
	}
	require.ErrorIs(t, c.Restore(append(bytes.Clone(state), 0)), metrics.ErrState)
	require.ErrorContains(t, c.Restore([]byte{99}), "version 99")
	require.Equal(t, state, c.State())
	require.NoError(t, c.Restore(nil))
	require.Equal(t, collect().State(), c.State())
}

// A ledger of an earlier version goes on being read, and counts what it knew.
func TestAStateOfVersion2IsRead(t *testing.T) {
	state, err := os.ReadFile("testdata/state-2")
	require.NoError(t, err)
	c := collect()
	require.NoError(t, c.Restore(state))
	text := scrape(t, c, classic)
	require.Equal(t, "1", values(text, "laban_flows_inconsistent_total")[`{choreography="order"}`], "the end")
	require.Equal(t, "1", values(text, "laban_flows_finished_total")[`{choreography="order",outcome="inconsistent"}`])
	require.Equal(t, "2", values(text, "laban_step_duration_seconds_count")[`{choreography="order",service="payment",step="payment.confirmed|payment.rejected"}`])
	next := collect()
	require.NoError(t, next.Restore(c.State()))
	require.Equal(t, text, scrape(t, next, classic))
}

func FuzzRestore(f *testing.F) {
	f.Add(collect().State())
	f.Add(counted().State())
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, state []byte) {
		c := collect()
		if err := c.Restore(state); err != nil {
			require.ErrorIs(t, err, metrics.ErrState)
			return
		}
		first := c.State()
		require.NoError(t, c.Restore(first), "what it says itself")
		require.Equal(t, first, c.State())
		require.Positive(t, testutil.CollectAndCount(c))
	})
}
