package services_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/chassis"
	"github.com/laban-io/laban/services/delivery"
	"github.com/laban-io/laban/services/inventory"
	"github.com/laban-io/laban/services/notification"
	"github.com/laban-io/laban/services/order"
	"github.com/laban-io/laban/services/payment"
)

const reference = "../docs/reference/service-configuration.md"

// What the page says of each variable is made from what reads it. Make it anew
// by LABAN_UPDATE_GOLDEN=1 go test ./services.
func TestTheReferenceHasEveryVariable(t *testing.T) {
	made := chassis.Reference(
		order.Spec(), inventory.New(inventory.Settings{}).Spec(), payment.New(payment.Settings{}, nil).Spec(),
		delivery.New(delivery.Settings{}, nil).Spec(), notification.New(notification.Settings{}, nil).Spec())
	text, err := os.ReadFile(reference)
	require.NoError(t, err)
	head, kept, found := strings.Cut(string(text), "## All services\n")
	require.True(t, found)
	if os.Getenv("LABAN_UPDATE_GOLDEN") != "" {
		require.NoError(t, os.WriteFile(reference, []byte(head+made), 0o600))
		return
	}
	require.Equal(t, made, "## All services\n"+kept)
}
