package source

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func printOf(offset uint64) []byte { return binary.BigEndian.AppendUint64(nil, offset) }

// TestATrailReachesFarBack: however many records were read, it is short, has the
// last ones, and wherever the log is cut it has a record before that which lies
// at most four times as far back from the end as the cut.
func TestATrailReachesFarBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		step := rapid.SliceOfN(rapid.Uint64Range(1, 300), 2, 3000).Draw(t, "steps")
		var trail Trail
		var all []uint64
		end := uint64(0)
		for _, s := range step {
			end += s
			trail = trail.Add(end, printOf(end))
			trail = trail.Add(end, printOf(0)) // known
			all = append(all, end)
		}
		require.LessOrEqual(t, len(trail), trailMost)
		last := all[max(0, len(all)-trailLast):]
		for i := range last {
			require.Equal(t, last[i], trail[len(trail)-len(last)+i].Offset)
		}
		for i, m := range trail {
			require.Equal(t, printOf(m.Offset), m.Fingerprint)
			require.True(t, i == 0 || trail[i-1].Offset < m.Offset)
		}
		cut := rapid.Uint64Range(all[0]+1, end).Draw(t, "cut")
		before := trail.Before(cut)
		require.NotEmpty(t, before)
		found := before[len(before)-1].Offset
		require.Less(t, found, cut)
		if lost := end - cut; lost > uint64(trailLast)*300 {
			require.LessOrEqual(t, end-found, 4*lost+600)
		}
	})
}

// TestATrailIsItsOwners: what is taken of one does not change with it.
func TestATrailIsItsOwners(t *testing.T) {
	var trail Trail
	for n := range uint64(30) {
		trail = trail.Add(n, printOf(n))
	}
	before := trail.Before(20)
	require.Len(t, before, 20)
	trail = before.Add(25, printOf(25))
	require.Len(t, trail, 21)
	require.Empty(t, Trail(nil).Before(7))
	require.Empty(t, trail.Before(0))
	require.Len(t, trail.Before(26), 21)
}
