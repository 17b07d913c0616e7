package flow

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestNamesAreFound finds each name by its number, and no other.
func TestNamesAreFound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringMatching(`[ab]{0,3}`) // many that look alike
		all := rapid.SliceOfDistinct(word, rapid.ID[string]).Draw(t, "names")
		n := namesOf(all)
		for i, text := range all {
			number, known := n.get(text)
			require.True(t, known)
			require.EqualValues(t, i, number)
		}
		other := rapid.StringMatching(`[abc]{0,4}`).Draw(t, "other")
		_, known := n.get(other)
		require.Equal(t, slices.Contains(all, other), known)
	})
}
