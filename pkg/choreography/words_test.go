package choreography_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/choreography"
)

func dots(s string) []string { return strings.Split(s, ".") }

func trim(s string) string { return strings.TrimSpace(s) }

// orderFile is the order system's contract. The package itself knows no service.
const orderFile = "../../services/order.choreography.yaml"

func orderText(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile(orderFile)
	require.NoError(t, err)
	return string(text)
}

func order(t testing.TB) *choreography.Choreography {
	t.Helper()
	c, err := choreography.ParseFile(orderFile)
	require.NoError(t, err)
	return c
}
