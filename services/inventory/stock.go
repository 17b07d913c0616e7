package inventory

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Level is the stock of one SKU, in pieces. Available and Held always add up
// to Initial.
type Level struct {
	SKU string
	// Initial is what there was when the SKU was first configured.
	Initial int64
	// Available is what can still be reserved.
	Available int64
	// Held is what is reserved and was not returned: sold, or about to be.
	Held int64
}

// parseStock reads "sku=quantity,sku=quantity,…".
func parseStock(text string) (map[string]int64, error) {
	stock := make(map[string]int64)
	for entry := range strings.SplitSeq(text, ",") {
		entry = strings.TrimSpace(entry)
		if entry == "" {
			continue
		}
		sku, number, ok := strings.Cut(entry, "=")
		sku = strings.TrimSpace(sku)
		if !ok || sku == "" {
			return nil, fmt.Errorf("INVENTORY_STOCK: %q is not of the form sku=quantity", entry)
		}
		quantity, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
		if err != nil || quantity < 0 || quantity > maxStock {
			return nil, fmt.Errorf("INVENTORY_STOCK: the quantity in %q must be a whole number from 0 to %d", entry, int64(maxStock))
		}
		if err := checkText("sku", sku); err != nil {
			return nil, fmt.Errorf("INVENTORY_STOCK: %w", err)
		}
		if _, twice := stock[sku]; twice {
			return nil, fmt.Errorf("INVENTORY_STOCK: %q is given twice", sku)
		}
		stock[sku] = quantity
	}
	if len(stock) == 0 {
		return nil, errors.New(`INVENTORY_STOCK: no SKU is given, so every order would be refused; write it like mug=100,teapot=20`)
	}
	return stock, nil
}

// maxStock keeps sums of stock far from overflowing.
const maxStock = 1_000_000_000_000
