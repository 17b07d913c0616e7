package inventory

// known is which facts of an order inventory has heard: the id of the event
// for each, "" for what it has not.
type known struct {
	placed          string
	cancelRequested string
	paymentRejected string
	canceled        string
	deliveryFailed  string
}

// told returns what one event tells.
func told(eventType, eventID string) (k known) {
	switch eventType {
	case orderPlaced:
		k.placed = eventID
	case orderCancelRequested:
		k.cancelRequested = eventID
	case paymentRejected:
		k.paymentRejected = eventID
	case orderCanceled:
		k.canceled = eventID
	case deliveryFailed:
		k.deliveryFailed = eventID
	}
	return k
}

// over tells whether the order has ended without being shipped, so that stock
// held for it is to come back.
func (k known) over() bool {
	return k.paymentRejected != "" || k.canceled != "" || k.deliveryFailed != ""
}

// unwanted tells whether stock should no longer be reserved for the order. A
// request to cancel is enough: delivery will most likely grant it, and if it is
// too late for that, stock was reserved long ago.
func (k known) unwanted() bool { return k.cancelRequested != "" || k.over() }

// state is how far an order has come with inventory.
type state string

const (
	stateNone     state = "none"     // not decided: order.placed has not come
	stateHeld     state = "held"     // reserved
	stateRejected state = "rejected" // refused, for good
	stateReturned state = "returned" // was reserved, and taken back
)

// step is what is to be done next for an order.
type step int

const (
	stay     step = iota // nothing
	refuse               // answer that there is no stock for this order
	reserve              // reserve, or refuse if there is too little
	giveBack             // return what was reserved
)

// next returns what is to be done for an order. It depends on what is known
// and done, never on the order in which it became so.
func next(k known, s state) step {
	switch {
	case s == stateNone && k.placed != "" && k.unwanted():
		return refuse
	case s == stateNone && k.placed != "":
		return reserve
	case s == stateHeld && k.over():
		return giveBack
	default:
		return stay
	}
}
