package demo

import (
	"fmt"
	"strings"
)

// verdict is what there is to say against how an order went; nothing, if it is
// empty.
type verdict []string

// judge tells what is wrong with an order of a fate that is over: its history
// must be consistent, and it must be the one that its fate demands.
func judge(rules []reaction, o *order) verdict {
	wrong := verdict(inconsistencies(rules, o.counts))
	for _, want := range endings(o.fate) {
		if want.matches(o.counts) {
			return append(wrong, ways(o)...)
		}
	}
	if len(endings(o.fate)) == 0 {
		return append(wrong, ways(o)...)
	}
	return append(wrong, fmt.Sprintf("it ended as %q, and must as %q", went(o.counts), describe(endings(o.fate))))
}

// ways checks how an order came to its end, where that matters.
func ways(o *order) verdict {
	if o.cancel == cancelFailed {
		return verdict{"the API gave no answer to the request to cancel it"}
	}
	if o.cancel == cancelAccepted && !o.counts.has(cancelRequested) {
		return verdict{"the API took the request to cancel, and order.cancel_requested never came"}
	}
	return nil
}

// ending is which of the deciding and undoing events an order has, each once.
type ending []kind

// decisive are the kinds that endings are told by.
func decisive() []kind {
	return []kind{stockRejected, paymentRejected, paymentConfirmed, shipped, deliveryFailed, canceled, stockReturned, refundProcessed}
}

// endings returns every right ending of a fate; none means that any is.
func endings(f Fate) []ending {
	switch f {
	case Approved, TimesOut:
		return []ending{{paymentConfirmed, shipped}}
	case Declined:
		return []ending{{paymentRejected, stockReturned}}
	case OutOfStock:
		return []ending{{stockRejected}}
	case Undeliverable:
		return []ending{{paymentConfirmed, deliveryFailed, stockReturned, refundProcessed}}
	case Canceled:
		return []ending{
			{canceled, stockRejected},                                    // before stock was reserved
			{canceled, paymentRejected, stockReturned},                   // before the capture
			{canceled, paymentConfirmed, stockReturned, refundProcessed}, // after it
			{paymentConfirmed, shipped},                                  // too late
		}
	default:
		return nil
	}
}

func (e ending) matches(c counts) bool {
	for _, k := range decisive() {
		want := uint8(0)
		for _, have := range e {
			if have == k {
				want = 1
			}
		}
		if c[k] != want {
			return false
		}
	}
	return true
}

// went describes how an order went.
func went(c counts) string {
	var parts []string
	for _, k := range decisive() {
		switch {
		case c[k] == 1:
			parts = append(parts, k.short())
		case c[k] > 1:
			parts = append(parts, fmt.Sprintf("%s %d×", k.short(), c[k]))
		}
	}
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, ", ")
}

func describe(all []ending) string {
	var texts []string
	for _, e := range all {
		var c counts
		for _, k := range e {
			c.add(k)
		}
		texts = append(texts, went(c))
	}
	return strings.Join(texts, `" or "`)
}
