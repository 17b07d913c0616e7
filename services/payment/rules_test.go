package payment

import (
	"cmp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/services/internal/servicetest"
)

// Every order in which facts can come, with a provider that answers each
// question before the next fact.
func TestEveryOrderOfFactsLeadsToTheSameKindOfEnd(t *testing.T) {
	all := hears()
	for subset := range servicetest.Subsets(all) {
		for sequence := range servicetest.Permutations(subset) {
			var k known
			c, refunded := chargeNone, false
			for _, fact := range sequence {
				k = k.and(told(fact, "e-"+fact))
			steps:
				for {
					switch next(fact, k, c, refunded) {
					case stay:
						break steps
					case reject:
						require.Equal(t, chargeNone, c)
						c = chargeRejected
					case capture:
						require.Contains(t, []charge{chargeNone, chargeIntended}, c)
						c = chargeCaptured
					case refund:
						require.False(t, refunded)
						refunded = true
					}
				}
			}
			require.Equal(t, k.stockConfirmed == "", c == chargeNone, "%v", sequence)
			require.Equal(t, c == chargeCaptured && k.over(), refunded, "%v", sequence)
			if !k.unwanted() && k.stockConfirmed != "" {
				require.Equal(t, chargeCaptured, c, "%v", sequence)
			}
		}
	}
}

func TestAnIntentIsCarriedOnAlsoWhenTheOrderIsCanceled(t *testing.T) {
	k := known{stockConfirmed: "e1", canceled: "e2"}
	require.Equal(t, capture, next(stockConfirmed, k, chargeIntended, false), "only the provider knows whether the money was taken")
	require.Equal(t, stay, next(orderCanceled, k, chargeIntended, false), "it is for stock.confirmed to carry on")
	require.Equal(t, refund, next(stockConfirmed, k, chargeCaptured, false))
	require.Equal(t, refund, next(orderCanceled, k, chargeCaptured, false))
}

func TestEachFactIsKeptInItsOwnPlace(t *testing.T) {
	for eventType, want := range map[string]known{
		stockConfirmed:       {stockConfirmed: "e1"},
		orderCancelRequested: {cancelRequested: "e1"},
		orderCanceled:        {canceled: "e1"},
		deliveryFailed:       {deliveryFailed: "e1"},
		"order.shipped":      {},
	} {
		require.Equal(t, want, told(eventType, "e1"), eventType)
	}
}

func hears() []string {
	return []string{stockConfirmed, orderCancelRequested, orderCanceled, deliveryFailed}
}

// and returns what is known when other is, too.
func (k known) and(other known) known {
	return known{
		stockConfirmed:  cmp.Or(k.stockConfirmed, other.stockConfirmed),
		cancelRequested: cmp.Or(k.cancelRequested, other.cancelRequested),
		canceled:        cmp.Or(k.canceled, other.canceled),
		deliveryFailed:  cmp.Or(k.deliveryFailed, other.deliveryFailed),
	}
}
