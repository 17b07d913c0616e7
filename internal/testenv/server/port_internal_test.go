package server

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPortsAreFreeAndBelowThoseOfOutgoingConnections(t *testing.T) {
	ports, err := freePorts(t.Context(), 50)
	require.NoError(t, err)
	seen := make(map[int]bool)
	for _, port := range ports {
		require.Less(t, port, lowestEphemeral())
		require.False(t, seen[port], "port %d is given twice", port)
		seen[port] = true
	}
}
