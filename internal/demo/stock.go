package demo

import "github.com/laban-io/laban/pkg/event"

// stockMoves is how many pieces of each SKU the log says were reserved and not
// returned, in orders of any run.
type stockMoves map[string]int64

// apply counts an event that moves stock.
func (s stockMoves) apply(k kind, e event.Event) {
	sign := int64(1)
	switch k {
	case stockConfirmed:
	case stockReturned:
		sign = -1
	default:
		return
	}
	var data struct {
		Items []struct {
			SKU      string `json:"sku"`
			Quantity int64  `json:"quantity"`
		} `json:"items"`
	}
	if err := e.Decode(&data); err != nil {
		return // the order's own record shows that something is wrong
	}
	for _, it := range data.Items {
		s[it.SKU] += sign * it.Quantity
	}
}
