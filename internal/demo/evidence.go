package demo

import (
	"github.com/laban-io/laban/services/delivery/carrier"
	"github.com/laban-io/laban/services/inventory"
	"github.com/laban-io/laban/services/payment/provider"
)

// evidence is what others than the log say at the end of a run: the outside
// world, a service's database, the API, the broker.
type evidence struct {
	stock    []inventory.Level
	captures []provider.Capture
	parcels  []carrier.Parcel
	mails    mailCount
	// statuses is what the order API says of each order, by id.
	statuses map[string]string
	// lost is how many messages the broker set aside as lost during the run.
	lost int
	// unasked are the questions that got no answer, and why; what depends on
	// one of them is not held.
	unasked map[string]error
}
