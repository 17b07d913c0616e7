package process_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/observer/process"
)

func TestAPortThatIsTakenIsPassedOver(t *testing.T) {
	first, err := process.ListenNear(t.Context(), "127.0.0.1:0", "")
	require.NoError(t, err)
	defer first.Close()
	second, err := process.ListenNear(t.Context(), first.Addr().String(), "")
	require.NoError(t, err)
	defer second.Close()
	require.NotEqual(t, first.Addr().String(), second.Addr().String())
	_, err = process.ListenNear(t.Context(), "0.0.0.0:0", "")
	require.ErrorContains(t, err, "LABAN_API_TOKEN", "only loopback is for everyone on this host")
	_, err = process.ListenNear(t.Context(), "nonsense", "")
	require.Error(t, err)
}
