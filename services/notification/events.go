package notification

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/laban-io/laban/pkg/event"
)

// The types of the events that notification hears.
const (
	orderPlaced        = "order.placed"
	stockConfirmed     = "stock.confirmed"
	stockRejected      = "stock.rejected"
	paymentConfirmed   = "payment.confirmed"
	paymentRejected    = "payment.rejected"
	orderShipped       = "order.shipped"
	deliveryFailed     = "delivery.failed"
	orderCanceled      = "order.canceled"
	orderCancelRefused = "order.cancel_refused"
	refundProcessed    = "refund.processed"
)

// notificationSent is the type of the event that notification emits.
const notificationSent = "notification.sent"

// heard returns the types of the events that notification hears.
func heard() []string {
	return []string{
		orderPlaced, stockConfirmed, stockRejected, paymentConfirmed, paymentRejected,
		orderShipped, deliveryFailed, orderCanceled, orderCancelRefused, refundProcessed,
	}
}

// change is what notification reads of the events it hears. Which fields are
// there depends on the type.
type change struct {
	OrderID        string `json:"order_id"`
	CustomerEmail  string `json:"customer_email"`
	Reason         string `json:"reason"`
	Amount         int64  `json:"amount"` // in minor units of Currency
	Currency       string `json:"currency"`
	TrackingNumber string `json:"tracking_number"`
}

type sent struct {
	OrderID string `json:"order_id"`
	// About is the type of the event that the mail is about, EventID its id.
	About   string `json:"about"`
	To      string `json:"to"`
	EventID string `json:"event_id"`
}

// check refuses what no retry can make right. Such an event is parked, since
// its emitter broke the contract and somebody should see that.
func (c *change) check() error {
	switch {
	case c.OrderID == "":
		return fmt.Errorf("%w: order_id is empty", event.ErrData)
	case len(c.OrderID) > event.MaxAttribute:
		return fmt.Errorf("%w: order_id has %d bytes, at most %d are allowed", event.ErrData, len(c.OrderID), event.MaxAttribute)
	case strings.IndexFunc(c.OrderID, unicode.IsControl) >= 0:
		return fmt.Errorf("%w: order_id contains a control character", event.ErrData)
	}
	return nil
}
