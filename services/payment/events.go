package payment

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode"

	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/services/payment/gateway"
)

// The types of the events that payment hears.
const (
	stockConfirmed       = "stock.confirmed"
	orderCancelRequested = "order.cancel_requested"
	orderCanceled        = "order.canceled"
	deliveryFailed       = "delivery.failed"
)

// The types of the events that payment emits.
const (
	paymentConfirmed = "payment.confirmed"
	paymentRejected  = "payment.rejected"
	refundProcessed  = "refund.processed"
)

// heard is what payment reads of the events it hears. Only stock.confirmed has
// more than an order id. Items are passed on as they came.
type heard struct {
	OrderID       string          `json:"order_id"`
	CustomerEmail string          `json:"customer_email"`
	Items         json.RawMessage `json:"items"`
	Amount        int64           `json:"amount"` // in minor units of Currency
	Currency      string          `json:"currency"`
	PaymentToken  gateway.Token   `json:"payment_token"`
	ShipTo        string          `json:"ship_to"`
}

type confirmed struct {
	OrderID       string          `json:"order_id"`
	CustomerEmail string          `json:"customer_email"`
	Items         json.RawMessage `json:"items,omitempty"`
	Amount        int64           `json:"amount"`
	Currency      string          `json:"currency"`
	ShipTo        string          `json:"ship_to"`
	CaptureID     string          `json:"capture_id"`
}

type rejected struct {
	OrderID       string `json:"order_id"`
	CustomerEmail string `json:"customer_email"`
	Reason        string `json:"reason"`
}

type refunded struct {
	OrderID       string `json:"order_id"`
	CustomerEmail string `json:"customer_email"`
	Amount        int64  `json:"amount"`
	Currency      string `json:"currency"`
	RefundID      string `json:"refund_id"`
}

// check refuses what no retry can make right. Such an event is parked, since
// its emitter broke the contract and somebody should see that.
func (h *heard) check(eventType string) error {
	if err := checkText("order_id", h.OrderID); err != nil {
		return err
	}
	if eventType != stockConfirmed {
		return nil
	}
	if err := checkText("customer_email", h.CustomerEmail); err != nil {
		return err
	}
	if err := checkText("payment_token", string(h.PaymentToken)); err != nil {
		return err
	}
	if h.Amount <= 0 {
		return fmt.Errorf("%w: amount is %d, must be positive", event.ErrData, h.Amount)
	}
	if !isCurrency(h.Currency) {
		return fmt.Errorf("%w: currency must be three capital letters (ISO 4217)", event.ErrData)
	}
	return nil
}

func isCurrency(s string) bool {
	return len(s) == 3 && strings.IndexFunc(s, func(r rune) bool { return r < 'A' || r > 'Z' }) < 0
}

// checkText refuses text that is missing, or that a database or a terminal
// should not be given. Its error does not repeat the text.
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
