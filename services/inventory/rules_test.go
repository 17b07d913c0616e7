package inventory

import (
	"cmp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/services/internal/servicetest"
)

func TestEveryOrderOfFactsLeadsToTheSameKindOfEnd(t *testing.T) {
	all := hears()
	for subset := range servicetest.Subsets(all) {
		for sequence := range servicetest.Permutations(subset) {
			var k known
			s := stateNone
			for _, fact := range sequence {
				k = k.and(told(fact, "e-"+fact))
				switch next(k, s) {
				case stay:
				case refuse:
					require.Equal(t, stateNone, s)
					s = stateRejected
				case reserve:
					require.Equal(t, stateNone, s)
					s = stateHeld
				case giveBack:
					require.Equal(t, stateHeld, s)
					s = stateReturned
				}
				require.Equal(t, stay, next(k, s), "nothing is left to do after %v", sequence)
			}
			switch {
			case k.placed == "":
				require.Equal(t, stateNone, s, "%v", sequence)
			case k.over():
				require.Contains(t, []state{stateRejected, stateReturned}, s, "%v", sequence)
			case k.cancelRequested != "":
				require.Contains(t, []state{stateRejected, stateHeld}, s, "%v", sequence)
			default:
				require.Equal(t, stateHeld, s, "%v", sequence)
			}
		}
	}
}

func TestStockIsReadFromText(t *testing.T) {
	stock, err := parseStock(" mug=3, lamp = 0 ,tea-pot=1000000000000,")
	require.NoError(t, err)
	require.Equal(t, map[string]int64{"mug": 3, "lamp": 0, "tea-pot": 1_000_000_000_000}, stock)

	for text, says := range map[string]string{
		"":                  "INVENTORY_STOCK",
		",,":                "INVENTORY_STOCK",
		"mug":               `"mug" is not of the form`,
		"=3":                `"=3" is not of the form`,
		"mug=-1":            `"mug=-1"`,
		"mug=1.5":           `"mug=1.5"`,
		"mug=1000000000001": "to 1000000000000",
		"mug=1,mug=2":       `"mug" is given twice`,
		"m\x00=1":           "control character",
	} {
		_, err := parseStock(text)
		require.ErrorContains(t, err, says, text)
	}
}

func TestEachFactIsKeptInItsOwnPlace(t *testing.T) {
	for eventType, want := range map[string]known{
		orderPlaced:          {placed: "e1"},
		orderCancelRequested: {cancelRequested: "e1"},
		paymentRejected:      {paymentRejected: "e1"},
		orderCanceled:        {canceled: "e1"},
		deliveryFailed:       {deliveryFailed: "e1"},
		"order.shipped":      {},
	} {
		require.Equal(t, want, told(eventType, "e1"), eventType)
	}
}

func hears() []string {
	return []string{orderPlaced, orderCancelRequested, paymentRejected, orderCanceled, deliveryFailed}
}

// and returns what is known when other is, too.
func (k known) and(other known) known {
	return known{
		placed:          cmp.Or(k.placed, other.placed),
		cancelRequested: cmp.Or(k.cancelRequested, other.cancelRequested),
		paymentRejected: cmp.Or(k.paymentRejected, other.paymentRejected),
		canceled:        cmp.Or(k.canceled, other.canceled),
		deliveryFailed:  cmp.Or(k.deliveryFailed, other.deliveryFailed),
	}
}
