package explorer

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/flow"
)

func TestWhatNoFlowTookIsSaidInWords(t *testing.T) {
	for u := flow.Claimed + 1; u.String() != "invalid"; u++ {
		require.NotEqual(t, u.String(), unclaimedWords(u.String()))
	}
	require.Equal(t, "another", unclaimedWords("another"))
}
