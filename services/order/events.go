package order

import (
	"fmt"
	"log/slog"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/laban-io/laban/pkg/event"
)

// The types of the events that order emits.
const (
	orderPlaced          = "order.placed"
	orderCancelRequested = "order.cancel_requested"
)

// The types of the events that order hears.
const (
	stockRejected      = "stock.rejected"
	paymentRejected    = "payment.rejected"
	deliveryFailed     = "delivery.failed"
	orderShipped       = "order.shipped"
	orderCanceled      = "order.canceled"
	orderCancelRefused = "order.cancel_refused"
	stockReturned      = "stock.returned"
	refundProcessed    = "refund.processed"
)

func heardTypes() []string {
	return []string{
		stockRejected, paymentRejected, deliveryFailed, orderShipped,
		orderCanceled, orderCancelRefused, stockReturned, refundProcessed,
	}
}

// placed is the data of order.placed. It carries on everything that the other
// services need of an order.
type placed struct {
	OrderID       string `json:"order_id"`
	CustomerEmail string `json:"customer_email"`
	Items         []Item `json:"items"`
	Amount        int64  `json:"amount"`
	Currency      string `json:"currency"`
	PaymentToken  token  `json:"payment_token"`
	ShipTo        string `json:"ship_to"`
}

// cancelRequested is the data of order.cancel_requested.
type cancelRequested struct {
	OrderID       string `json:"order_id"`
	CustomerEmail string `json:"customer_email"`
	Reason        string `json:"reason"`
}

// heard is what order reads of the events it hears; each has some of it.
type heard struct {
	OrderID string `json:"order_id"`
	Detail
}

// Detail is what a fact says beyond its type.
type Detail struct {
	Reason         string `json:"reason,omitempty" doc:"Why, where the fact is a refusal or a failure"`
	TrackingNumber string `json:"tracking_number,omitempty" doc:"The carrier's number of the parcel"`
	RefundID       string `json:"refund_id,omitempty" doc:"The payment provider's id of the refund"`
	Amount         int64  `json:"amount,omitempty" doc:"What was refunded, in minor units"`
}

// maxDetail bounds each text of a detail. Whoever emits more than a sentence
// breaks no order by it.
const maxDetail = 500

// check refuses an event that can be attributed to no order; trying again would
// not help. What else it says is cut to what may be stored and shown.
func (h *heard) check(eventType string) error {
	switch {
	case h.OrderID == "":
		return fmt.Errorf("%w: order_id is empty", event.ErrData)
	case len(h.OrderID) > event.MaxAttribute:
		return fmt.Errorf("%w: order_id has %d bytes, at most %d are allowed", event.ErrData, len(h.OrderID), event.MaxAttribute)
	case strings.IndexFunc(h.OrderID, unicode.IsControl) >= 0:
		return fmt.Errorf("%w: order_id contains a control character", event.ErrData)
	}
	h.Reason, h.TrackingNumber, h.RefundID = clean(h.Reason), clean(h.TrackingNumber), clean(h.RefundID)
	if eventType != refundProcessed {
		h.Amount = 0 // the order's own amount, which the order knows
	}
	return nil
}

// clean returns s as one printable line of at most maxDetail bytes.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	if len(s) <= maxDetail {
		return s
	}
	cut := maxDetail
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut]
}

// token is a payment token. It is passed on and never shown: it prints as a
// placeholder wherever it ends up in a log line or an error.
type token string

const redacted = "[redacted]"

// String implements [fmt.Stringer].
func (token) String() string { return redacted }

// GoString implements [fmt.GoStringer].
func (token) GoString() string { return redacted }

// LogValue implements [slog.LogValuer].
func (token) LogValue() slog.Value { return slog.StringValue(redacted) }
