package payment

// known is which facts of an order payment has heard: the id of the event for
// each, "" for what it has not.
type known struct {
	stockConfirmed  string
	cancelRequested string
	canceled        string
	deliveryFailed  string
}

// told returns what one event tells.
func told(eventType, eventID string) (k known) {
	switch eventType {
	case stockConfirmed:
		k.stockConfirmed = eventID
	case orderCancelRequested:
		k.cancelRequested = eventID
	case orderCanceled:
		k.canceled = eventID
	case deliveryFailed:
		k.deliveryFailed = eventID
	}
	return k
}

// over tells whether the order has ended without being shipped, so that money
// taken for it is to be given back.
func (k known) over() bool { return k.canceled != "" || k.deliveryFailed != "" }

// unwanted tells whether money should no longer be asked for. A request to
// cancel is enough: delivery can't have shipped what is not paid for.
func (k known) unwanted() bool { return k.cancelRequested != "" || k.over() }

// charge is how far taking the money has come.
type charge string

const (
	chargeNone     charge = "none"     // not decided: stock.confirmed has not come
	chargeIntended charge = "intended" // the provider is asked, or may have been
	chargeCaptured charge = "captured" // the money is taken
	chargeRejected charge = "rejected" // it is not and will not be
)

// step is what is to be done next for an order.
type step int

const (
	stay    step = iota // nothing
	reject              // answer stock.confirmed without asking the provider
	capture             // ask the provider to take the money
	refund              // ask the provider to give it back
)

// next returns what the handling of an event of the given type is to do for an
// order. It depends on what is known and done, never on the order in which it
// became so.
func next(eventType string, k known, c charge, refunded bool) step {
	asked := eventType == stockConfirmed
	switch {
	case asked && c == chargeNone && k.unwanted():
		return reject
	case asked && c == chargeNone, asked && c == chargeIntended:
		// Once intended, the provider has to be asked also where the order is
		// canceled by now: only it knows whether the money was taken.
		return capture
	case c == chargeCaptured && k.over() && !refunded:
		return refund
	default:
		return stay
	}
}
