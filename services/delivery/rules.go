package delivery

// state is how far an order has come with delivery. It moves once from none,
// to canceled or to shipping, and then never changes sides.
type state string

const (
	stateNone     state = "none"     // nothing is decided
	stateCanceled state = "canceled" // it will not be shipped
	stateShipping state = "shipping" // the carrier is asked, or may have been
	stateShipped  state = "shipped"  // the carrier has the parcel
	stateFailed   state = "failed"   // the carrier can't deliver it
)

// mayCancel tells whether an order in state s is canceled when its customer
// asks, also once more.
func mayCancel(s state) bool { return s == stateNone || s == stateCanceled }

// mustShip tells whether the carrier is to be asked for an order in state s
// that is paid for.
func mustShip(s state) bool { return s == stateNone || s == stateShipping }

// refusal says to the customer why an order in state s can't be canceled.
func refusal(s state) string {
	switch s {
	case stateShipped:
		return "the parcel is on its way"
	case stateFailed:
		return "the order has ended already: it could not be delivered, and the money is being returned"
	default:
		return "the parcel is being handed to the carrier"
	}
}
