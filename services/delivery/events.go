package delivery

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode"

	"github.com/laban-io/laban/pkg/event"
)

// The types of the events that delivery hears.
const (
	paymentConfirmed     = "payment.confirmed"
	orderCancelRequested = "order.cancel_requested"
)

// The types of the events that delivery emits.
const (
	orderShipped       = "order.shipped"
	deliveryFailed     = "delivery.failed"
	orderCanceled      = "order.canceled"
	orderCancelRefused = "order.cancel_refused"
)

// paid is what delivery reads of payment.confirmed. Items are passed on as they
// came.
type paid struct {
	OrderID       string          `json:"order_id"`
	CustomerEmail string          `json:"customer_email"`
	Items         json.RawMessage `json:"items"`
	Amount        int64           `json:"amount"` // in minor units of Currency
	Currency      string          `json:"currency"`
	ShipTo        string          `json:"ship_to"`
}

// cancelRequest is what delivery reads of order.cancel_requested.
type cancelRequest struct {
	OrderID       string `json:"order_id"`
	CustomerEmail string `json:"customer_email"`
}

type shipped struct {
	OrderID        string          `json:"order_id"`
	CustomerEmail  string          `json:"customer_email"`
	TrackingNumber string          `json:"tracking_number"`
	Amount         int64           `json:"amount"`
	Currency       string          `json:"currency"`
	Items          json.RawMessage `json:"items,omitempty"`
}

type failed struct {
	OrderID       string `json:"order_id"`
	CustomerEmail string `json:"customer_email"`
	Reason        string `json:"reason"`
}

type canceled struct {
	OrderID       string `json:"order_id"`
	CustomerEmail string `json:"customer_email"`
}

type cancelRefused struct {
	OrderID       string `json:"order_id"`
	CustomerEmail string `json:"customer_email"`
	Reason        string `json:"reason"`
}

// maxAddress is the longest address in bytes.
const maxAddress = 2000

// check refuses what no retry can make right. Such an event is parked, since
// its emitter broke the contract and somebody should see that.
func (p *paid) check() error {
	if err := checkText("order_id", p.OrderID); err != nil {
		return err
	}
	if p.ShipTo == "" || len(p.ShipTo) > maxAddress || strings.ContainsRune(p.ShipTo, 0) {
		return fmt.Errorf("%w: ship_to has %d bytes, 1 to %d of text are allowed", event.ErrData, len(p.ShipTo), maxAddress)
	}
	return nil
}

func (c *cancelRequest) check() error { return checkText("order_id", c.OrderID) }

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
