package demo

// Fate is what is to become of an order that the demo places.
type Fate int

// The fates.
const (
	// Approved is shipped.
	Approved Fate = iota
	// Declined can't be paid: the stock that was reserved comes back.
	Declined
	// OutOfStock asks for what is sold out.
	OutOfStock
	// TimesOut is charged by a provider that answers too late: it is asked
	// again, charges once, and the order is shipped.
	TimesOut
	// Undeliverable is paid, and then the carrier can't find the address: stock
	// and money come back.
	Undeliverable
	// Canceled is canceled by the customer at a random moment. Where the parcel
	// has left by then it is shipped, which is as right.
	Canceled

	numFates

	// Yours is an order that somebody else placed while the demo ran, by the
	// API. It must end, and consistently; how is not known.
	Yours = numFates
)

// String returns the fate's name, as --fates takes it.
func (f Fate) String() string {
	switch f {
	case Approved:
		return "approved"
	case Declined:
		return "declined"
	case OutOfStock:
		return "out-of-stock"
	case TimesOut:
		return "timeout"
	case Undeliverable:
		return "undeliverable"
	case Canceled:
		return "canceled"
	case Yours:
		return "yours"
	default:
		return "unknown"
	}
}

// Means says in a few words what must become of an order of this fate.
func (f Fate) Means() string {
	switch f {
	case Approved:
		return "shipped"
	case Declined:
		return "payment declined, stock back"
	case OutOfStock:
		return "refused, nothing reserved"
	case TimesOut:
		return "provider late, charged once, shipped"
	case Undeliverable:
		return "delivery fails, stock and money back"
	case Canceled:
		return "canceled, or shipped before that"
	case Yours:
		return "placed by you"
	default:
		return ""
	}
}

// Fates returns every fate that --fates takes.
func Fates() []Fate {
	all := make([]Fate, numFates)
	for i := range all {
		all[i] = Fate(i)
	}
	return all
}
