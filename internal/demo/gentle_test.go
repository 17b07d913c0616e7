package demo

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestGentleFaultsStay: whoever comes late finds them, too.
func TestGentleFaultsStay(t *testing.T) {
	faults, err := ParseFaults(GentleFaults)
	require.NoError(t, err)
	kinds := map[FaultKind]bool{}
	for _, f := range faults {
		require.True(t, f.Kind.forGood(), f)
		require.Less(t, f.At, 10*time.Second, "nobody waits for long")
		kinds[f.Kind] = true
	}
	require.True(t, kinds[Park], "there is a message to send again")
	c := Config{Faults: faults, Gentle: true}
	c.setDefaults()
	require.EqualValues(t, 1, c.Hurry, "the contract is as it is")
}

// TestWhatIsTooYoungIsNotMissed: who ends a demo early has not caught the
// observer at anything.
func TestWhatIsTooYoungIsNotMissed(t *testing.T) {
	began := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	hits := []hit{{hitKey: hitKey{"1042", "payment"}, kind: Park, over: true, from: began, due: 10 * time.Second}}
	mine := func(hitKey) (mine, late bool) { return true, false }
	missed := func(now time.Time) int {
		return len(newDetections().compare(now, hits, mine, FaultKind.Cause).Missed)
	}
	require.Zero(t, missed(began.Add(time.Second)))
	require.Zero(t, missed(began.Add(10*time.Second)), "the cause is not looked for before")
	require.Equal(t, 1, missed(began.Add(10*time.Second+causesLimit)))
	require.Equal(t, 1, missed(time.Time{}), "a demo that ends by itself has waited")
}
