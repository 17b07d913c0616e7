package inventory

import (
	"fmt"
	"log/slog"
	"strings"
	"unicode"

	"github.com/laban-io/laban/pkg/event"
)

// The types of the events that inventory hears.
const (
	orderPlaced          = "order.placed"
	orderCancelRequested = "order.cancel_requested"
	paymentRejected      = "payment.rejected"
	orderCanceled        = "order.canceled"
	deliveryFailed       = "delivery.failed"
)

// The types of the events that inventory emits.
const (
	stockConfirmed = "stock.confirmed"
	stockRejected  = "stock.rejected"
	stockReturned  = "stock.returned"
)

// heard is what inventory reads of the events it hears. Only order.placed has
// more than an order id.
type heard struct {
	OrderID       string `json:"order_id"`
	CustomerEmail string `json:"customer_email"`
	Items         []item `json:"items"`
	Amount        int64  `json:"amount"`
	Currency      string `json:"currency"`
	PaymentToken  secret `json:"payment_token"`
	ShipTo        string `json:"ship_to"`
}

// item is one line of an order. UnitPrice is in minor units of the order's
// currency.
type item struct {
	SKU       string `json:"sku"`
	Quantity  int64  `json:"quantity"`
	UnitPrice int64  `json:"unit_price"`
}

// confirmed carries on what payment and delivery need.
type confirmed struct {
	OrderID       string `json:"order_id"`
	CustomerEmail string `json:"customer_email"`
	Items         []item `json:"items"`
	Amount        int64  `json:"amount"`
	Currency      string `json:"currency"`
	PaymentToken  secret `json:"payment_token"`
	ShipTo        string `json:"ship_to"`
}

type rejected struct {
	OrderID       string `json:"order_id"`
	CustomerEmail string `json:"customer_email"`
	Reason        string `json:"reason"`
}

type returned struct {
	OrderID       string `json:"order_id"`
	CustomerEmail string `json:"customer_email"`
	Items         []item `json:"items"`
}

// secret is text that is passed on and never shown: it prints as a placeholder
// wherever it ends up in a log line or an error.
type secret string

const placeholder = "[redacted]"

func (secret) String() string       { return placeholder }
func (secret) GoString() string     { return placeholder }
func (secret) LogValue() slog.Value { return slog.StringValue(placeholder) }

// The most that one order may ask for. They are far above any real order and
// keep sums of quantities from overflowing.
const (
	maxItems    = 1000
	maxQuantity = 1_000_000_000
)

// check refuses what no retry can make right. Such an event is parked, since
// its emitter broke the contract and somebody should see that.
func (h *heard) check(eventType string) error {
	if err := checkText("order_id", h.OrderID); err != nil {
		return err
	}
	if eventType != orderPlaced {
		return nil
	}
	if err := checkText("customer_email", h.CustomerEmail); err != nil {
		return err
	}
	if len(h.Items) == 0 || len(h.Items) > maxItems {
		return fmt.Errorf("%w: %d items, 1 to %d are allowed", event.ErrData, len(h.Items), maxItems)
	}
	for n, it := range h.Items {
		if err := checkText(fmt.Sprintf("items[%d].sku", n), it.SKU); err != nil {
			return err
		}
		if it.Quantity < 1 || it.Quantity > maxQuantity {
			return fmt.Errorf("%w: items[%d].quantity is %d, 1 to %d are allowed", event.ErrData, n, it.Quantity, maxQuantity)
		}
	}
	return nil
}

// checkText refuses text that is missing, or that a database or a terminal
// should not be given.
func checkText(field, s string) error {
	switch {
	case s == "":
		return fmt.Errorf("%w: %s is empty", event.ErrData, field)
	case len(s) > event.MaxAttribute:
		return fmt.Errorf("%w: %s has %d bytes, at most %d are allowed", event.ErrData, field, len(s), event.MaxAttribute)
	case strings.IndexFunc(s, unicode.IsControl) >= 0:
		return fmt.Errorf("%w: %s contains a control character", event.ErrData, field)
	}
	return nil
}
