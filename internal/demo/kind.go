package demo

// kind is a type of event of the order's choreography.
type kind uint8

const (
	placed kind = iota
	cancelRequested
	stockConfirmed
	stockRejected
	paymentConfirmed
	paymentRejected
	shipped
	deliveryFailed
	canceled
	cancelRefused
	stockReturned
	refundProcessed
	notificationSent

	numKinds
)

// String returns the event's type.
func (k kind) String() string { return k.names().eventType }

// short returns the event in one or two words.
func (k kind) short() string { return k.names().short }

type kindNames struct{ eventType, short string }

func (k kind) names() kindNames {
	switch k {
	case placed:
		return kindNames{"order.placed", "placed"}
	case cancelRequested:
		return kindNames{"order.cancel_requested", "cancel asked"}
	case stockConfirmed:
		return kindNames{"stock.confirmed", "in stock"}
	case stockRejected:
		return kindNames{"stock.rejected", "no stock"}
	case paymentConfirmed:
		return kindNames{"payment.confirmed", "paid"}
	case paymentRejected:
		return kindNames{"payment.rejected", "not paid"}
	case shipped:
		return kindNames{"order.shipped", "shipped"}
	case deliveryFailed:
		return kindNames{"delivery.failed", "not delivered"}
	case canceled:
		return kindNames{"order.canceled", "canceled"}
	case cancelRefused:
		return kindNames{"order.cancel_refused", "cancel refused"}
	case stockReturned:
		return kindNames{"stock.returned", "stock back"}
	case refundProcessed:
		return kindNames{"refund.processed", "refunded"}
	case notificationSent:
		return kindNames{"notification.sent", "mail sent"}
	default:
		return kindNames{"unknown", "unknown"}
	}
}

// kindsByType returns the kind of each event type.
func kindsByType() map[string]kind {
	m := make(map[string]kind, numKinds)
	for k := range numKinds {
		m[k.String()] = k
	}
	return m
}

// counts is how many different events of each kind an order has.
type counts [numKinds]uint8

func (c *counts) add(k kind) {
	if c[k] < 255 {
		c[k]++
	}
}

func (c counts) sum(kinds []kind) int {
	n := 0
	for _, k := range kinds {
		n += int(c[k])
	}
	return n
}

func (c counts) has(kinds ...kind) bool { return c.sum(kinds) > 0 }
