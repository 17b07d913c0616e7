package flow

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestMomentsAreCounted holds moments to what a map of counts says.
func TestMomentsAreCounted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var m moments
		counts := map[int64]int{}
		var all []int64
		for range rapid.IntRange(0, 300).Draw(t, "steps") {
			if len(all) > 0 && rapid.Bool().Draw(t, "remove") {
				i := rapid.IntRange(0, len(all)-1).Draw(t, "which")
				at := all[i]
				m.remove(at)
				if counts[at]--; counts[at] == 0 {
					delete(counts, at)
				}
				all = append(all[:i], all[i+1:]...)
			} else {
				at := rapid.Int64Range(1, 1000).Draw(t, "at")
				m.add(at)
				counts[at]++
				all = append(all, at)
			}
			first := int64(0)
			for at := range counts {
				if first == 0 || at < first {
					first = at
				}
			}
			require.Equal(t, first, m.first())
			require.LessOrEqual(t, len(m.counts), 2*len(counts)+34, "what is over takes memory")
		}
	})
}
