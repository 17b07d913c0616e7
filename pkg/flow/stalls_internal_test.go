package flow

import (
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestTheOldestStallsAreFound holds the oldest of a kind to a sorted list of what
// is not over.
func TestTheOldestStallsAreFound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tracker, kind := New(Config{}), stallKind{step: "a step"}
		var all []*stall
		for n := range 60 + rapid.IntRange(0, 100).Draw(t, "steps") {
			if n >= 60 && len(all) > 0 && rapid.IntRange(0, 3).Draw(t, "over") > 0 {
				i := rapid.IntRange(0, len(all)-1).Draw(t, "which")
				tracker.unstall(all[i])
				all = slices.Delete(all, i, i+1)
			} else {
				f := tracker.pool.take()
				f.name(strconv.Itoa(n), "")
				all = append(all, tracker.stall(f, kind, rapid.Int64Range(1, 50).Draw(t, "since")))
			}
			among := tracker.stalls[kind]
			if len(all) == 0 {
				require.Nil(t, among)
				continue
			}
			require.Equal(t, len(all), among.count)
			require.LessOrEqual(t, len(among.queue), 2*len(all)+17, "what is over takes memory")
			want := slices.SortedFunc(slices.Values(all), func(a, b *stall) int {
				if (stallQueue{a, b}).Less(0, 1) {
					return -1
				}
				return 1
			})
			require.Equal(t, want[:min(len(want), maxExamples)], among.oldest(maxExamples))
		}
	})
}
