package servicetest_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/services/internal/servicetest"
)

func TestPermutationsAreAllAndEachOnce(t *testing.T) {
	seen := map[[4]int]bool{}
	for p := range servicetest.Permutations([]int{1, 2, 3, 4}) {
		seen[[4]int(p)] = true
		sorted := slices.Sorted(slices.Values(p))
		require.Equal(t, []int{1, 2, 3, 4}, sorted)
	}
	require.Len(t, seen, 24)

	n := 0
	for p := range servicetest.Permutations([]int(nil)) {
		require.Empty(t, p)
		n++
	}
	require.Equal(t, 1, n, "nothing has one order")
}

func TestSubsetsAreAllAndEachOnce(t *testing.T) {
	seen := map[string]bool{}
	for s := range servicetest.Subsets([]string{"a", "b", "c"}) {
		text := ""
		for _, item := range s {
			text += item
		}
		seen[text] = true
	}
	require.Len(t, seen, 8)
	require.True(t, seen[""] && seen["ac"] && seen["abc"])
}
