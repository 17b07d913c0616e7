package payment

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/services/internal/servicetest"
)

// Every order in which facts can come, with a provider that answers each
// question before the next fact.
func TestEveryOrderOfFactsLeadsToTheSameKindOfEnd(t *testing.T) {
	facts := map[string]func(*known){
		stockConfirmed:       func(k *known) { k.stockConfirmed = "e1" },
		orderCancelRequested: func(k *known) { k.cancelRequested = "e2" },
		orderCanceled:        func(k *known) { k.canceled = "e3" },
		deliveryFailed:       func(k *known) { k.deliveryFailed = "e4" },
	}
	all := []string{stockConfirmed, orderCancelRequested, orderCanceled, deliveryFailed}
	for subset := range servicetest.Subsets(all) {
		for sequence := range servicetest.Permutations(subset) {
			var k known
			c, refunded := chargeNone, false
			for _, fact := range sequence {
				facts[fact](&k)
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
