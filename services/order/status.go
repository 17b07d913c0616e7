package order

// Status is how an order stands. It is derived from the set of facts known of
// the order and from nothing else.
type Status string

// The statuses. Placed and Canceling are under way; the others are ends.
const (
	// Placed: under way.
	Placed Status = "placed"
	// Canceling: the customer asked to cancel, and delivery has not decided.
	Canceling Status = "canceling"
	// Shipped: the parcel is on its way.
	Shipped Status = "shipped"
	// Rejected: not in stock, or not paid.
	Rejected Status = "rejected"
	// Failed: the carrier could not deliver.
	Failed Status = "failed"
	// Canceled: by the customer.
	Canceled Status = "canceled"
	// Inconsistent: facts that exclude each other are known. Some service has a
	// fault, and a person must look.
	Inconsistent Status = "inconsistent"
)

// statuses lists every status.
func statuses() []Status {
	return []Status{Placed, Canceling, Shipped, Rejected, Failed, Canceled, Inconsistent}
}

// Ended tells whether nothing that a customer does changes the order any more.
func (s Status) Ended() bool { return s != Placed && s != Canceling }

// known is the set of facts known of an order.
type known struct {
	cancelRequested bool
	stockRejected   bool
	paymentRejected bool
	deliveryFailed  bool
	shipped         bool
	canceled        bool
	cancelRefused   bool
}

// add adds a fact. Those that decide nothing about the status are not kept.
func (k *known) add(eventType string) {
	switch eventType {
	case orderCancelRequested:
		k.cancelRequested = true
	case stockRejected:
		k.stockRejected = true
	case paymentRejected:
		k.paymentRejected = true
	case deliveryFailed:
		k.deliveryFailed = true
	case orderShipped:
		k.shipped = true
	case orderCanceled:
		k.canceled = true
	case orderCancelRefused:
		k.cancelRefused = true
	}
}

// status derives the status.
//
// A rejection of an order whose cancellation is undecided stays "canceling":
// delivery will cancel it, since nothing was paid, and a status that has ended
// should not change again.
func (k known) status() Status {
	rejected := k.stockRejected || k.paymentRejected
	undecided := k.cancelRequested && !k.canceled && !k.cancelRefused
	switch {
	case k.shipped && (rejected || k.deliveryFailed || k.canceled):
		return Inconsistent // it can't have ended well and badly
	case k.canceled && k.cancelRefused:
		return Inconsistent // delivery said yes and no
	case k.shipped:
		return Shipped
	case k.deliveryFailed:
		return Failed
	case k.canceled:
		return Canceled
	case undecided:
		return Canceling
	case rejected:
		return Rejected
	default:
		return Placed
	}
}

// statusOf derives the status from facts.
func statusOf(facts []fact) Status {
	var k known
	for _, f := range facts {
		k.add(f.eventType)
	}
	return k.status()
}
