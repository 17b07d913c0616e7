// Package carrier is what delivery asks of a carrier, to take a parcel to a
// customer, and a simulated one. An adapter for a real carrier implements
// [Carrier] on that carrier's API.
package carrier

import (
	"context"
	"fmt"
)

// Carrier takes parcels. It is safe for concurrent use.
//
// An error is either an [*Undeliverable], which is final, or means that nobody
// knows whether the carrier has the parcel: ask again with the same key.
type Carrier interface {
	// Ship hands a parcel over. It is idempotent by the request's
	// IdempotencyKey: however often it is called, one parcel leaves, and every
	// answer is the same.
	Ship(ctx context.Context, r Request) (Shipment, error)
}

// Request asks to take a parcel to an address.
type Request struct {
	IdempotencyKey string
	// Reference is what the label says: the order id.
	Reference string
	ShipTo    string
}

// Shipment is a parcel that the carrier has.
type Shipment struct {
	TrackingNumber string
}

// Undeliverable is the carrier's final no. Asking again gives the same answer.
type Undeliverable struct {
	// Reason is in words for the customer.
	Reason string
}

// Error says that the carrier can't deliver, and why.
func (u *Undeliverable) Error() string { return fmt.Sprintf("the carrier can't deliver: %s", u.Reason) }
