package choreographytest

import (
	"fmt"
	"slices"
)

// reaction is one line of the contract.
type reaction struct {
	service string
	on      []string
	emits   []string
	// unless voids what is owed in a flow that has this event.
	unless string
	// undoes makes one obligation of each such event, however many triggers
	// there are.
	undoes string
}

// contract is the order system's, without those who owe nothing.
func contract() []reaction {
	return []reaction{
		{service: "inventory", on: []string{"order.placed"}, emits: []string{"stock.confirmed", "stock.rejected"}},
		{service: "payment", on: []string{"stock.confirmed"}, emits: []string{"payment.confirmed", "payment.rejected"}},
		{service: "delivery", on: []string{"payment.confirmed"}, emits: []string{"order.shipped", "delivery.failed"}, unless: "order.canceled"},
		{service: "delivery", on: []string{"order.cancel_requested"}, emits: []string{"order.canceled", "order.cancel_refused"}},
		{service: "inventory", on: []string{"payment.rejected", "order.canceled", "delivery.failed"}, undoes: "stock.confirmed", emits: []string{"stock.returned"}},
		{service: "payment", on: []string{"order.canceled", "delivery.failed"}, undoes: "payment.confirmed", emits: []string{"refund.processed"}},
		{service: "notification", on: mailed(), emits: []string{"notification.sent"}},
	}
}

// mailed returns the types of the events that a customer is told of.
func mailed() []string {
	return []string{
		"order.placed", "stock.confirmed", "stock.rejected", "payment.confirmed", "payment.rejected",
		"order.shipped", "delivery.failed", "order.canceled", "order.cancel_refused", "refund.processed",
	}
}

// The classes of outcomes.
func completed() []string { return []string{"order.shipped"} }
func failed() []string {
	return []string{"stock.rejected", "payment.rejected", "delivery.failed", "order.canceled"}
}

// history is how often each type of event is in one flow. Copies of one event
// are one.
type history map[string]int

func (h history) of(types []string) (n int) {
	for _, t := range types {
		n += h[t]
	}
	return n
}

// owed returns how often r is owed in a flow with this history.
func (r reaction) owed(h history) int {
	switch {
	case r.unless != "" && h[r.unless] > 0:
		return 0
	case r.undoes != "" && h.of(r.on) == 0:
		return 0
	case r.undoes != "":
		return h[r.undoes]
	default:
		return h.of(r.on)
	}
}

// settled tells whether the start is seen, an outcome is known and nothing is
// owed.
func (h history) settled() bool {
	return h["order.placed"] > 0 && h.of(completed())+h.of(failed()) > 0 && !slices.ContainsFunc(contract(), func(r reaction) bool {
		return h.of(r.emits) < r.owed(h)
	})
}

// faults says what the contract holds against a settled flow.
func (h history) faults() (faults []string) {
	for _, r := range contract() {
		if paid, owed := h.of(r.emits), r.owed(h); paid != owed {
			faults = append(faults, fmt.Sprintf("%s owes one of %v %d times, and did it %d times", r.service, r.emits, owed, paid))
		}
	}
	if h.of(completed()) > 0 && h.of(failed()) > 0 {
		faults = append(faults, "outcomes of both classes")
	}
	if h["order.shipped"] > 1 {
		faults = append(faults, "shipped more than once")
	}
	return faults
}
