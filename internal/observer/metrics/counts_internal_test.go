package metrics

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/flow"
)

func TestTablesHaveRoomForAllThereIs(t *testing.T) {
	require.Len(t, flow.Causes(), causes)
	require.Len(t, flow.Deviations(), deviations)
	require.Equal(t, "invalid", flow.Unclaimed(unclaimed).String())
	require.NotEqual(t, "invalid", flow.Unclaimed(unclaimed-1).String())
}
