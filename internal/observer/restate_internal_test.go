package observer

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/services"
)

// TestWhatNobodyWaitsForIsNoStray: every mail's event reaches nobody, by design.
func TestWhatNobodyWaitsForIsNoStray(t *testing.T) {
	contract, err := services.Order()
	require.NoError(t, err)
	c := newContracts()
	c.know(contract)
	require.False(t, c.ignored("order", "notification.sent"), "nothing is in force yet")
	c.use(contract.Name, contract.Hash)
	for _, x := range []struct {
		flowName, eventType string
		ignored             bool
	}{
		{"order", "notification.sent", true},
		{"", "notification.sent", true},
		{"order", "payment.rejected", false}, // inventory waits for it
		{"order", "order.cancel_refused", false},
		{"order", "paymentRejected", false}, // nobody knows it: it may be misspelt
		{"another", "notification.sent", false},
	} {
		require.Equal(t, x.ignored, c.ignored(x.flowName, x.eventType), "%s %s", x.flowName, x.eventType)
	}
}
