package flow_test

import "slices"

// shop simulates what the five services of the order system do with one order:
// as services/*/rules.go say, each from what it has heard, in whatever order.
// It is a value, so that every way it can go may be followed.
type shop struct {
	log    [maxShop]logged
	logged int
	// waiting are the deliveries that have not been made, and outgoing the
	// events that have not been published, of each service.
	waiting  [shopServices][maxShop]int8 // places in the log, from 1
	waits    [shopServices]int
	outgoing [shopServices][maxShop]logged
	goes     [shopServices]int

	placed, asked                         bool
	stock                                 int8 // none, held, rejected, returned
	charge                                int8 // none, intended, captured, rejected
	refunding, refunded                   bool
	parcel                                int8 // none, canceled, shipping, shipped, failed
	stockHeard, chargeHeard               heard
	chargeCause, refundCause, parcelCause int8
}

// logged is an event in the shop's log: its type, and the place of its cause
// from 1, or 0.
type logged struct {
	eventType string
	cause     int8
}

// heard is what a service knows.
type heard struct{ trigger, asked, over bool }

const (
	maxShop      = 10
	shopServices = 4
)

const (
	atOrder = iota
	atInventory
	atPayment
	atDelivery
)

const (
	none = iota
	held
	rejected
	returned
)

const (
	intended = 1
	captured = 2
)

const (
	parcelCanceled = iota + 1
	parcelShipping
	parcelShipped
	parcelFailed
)

// listeners say who reacts to what.
var listeners = map[string][]int{
	"order.placed":           {atInventory},
	"order.cancel_requested": {atInventory, atPayment, atDelivery},
	"stock.confirmed":        {atPayment},
	"payment.confirmed":      {atDelivery},
	"payment.rejected":       {atInventory},
	"order.canceled":         {atInventory, atPayment},
	"delivery.failed":        {atInventory, atPayment},
}

func (s *shop) emit(service int, eventType string, cause int8) {
	s.outgoing[service][s.goes[service]] = logged{eventType, cause}
	s.goes[service]++
}

// publish writes the nth event that a service wants to publish into the log.
func (s *shop) publish(service, n int) {
	e := s.outgoing[service][n]
	copy(s.outgoing[service][n:], s.outgoing[service][n+1:])
	s.goes[service]--
	s.outgoing[service][s.goes[service]] = logged{}
	s.log[s.logged] = e
	s.logged++
	for _, to := range listeners[e.eventType] {
		s.waiting[to][s.waits[to]] = int8(s.logged)
		s.waits[to]++
	}
}

// deliver gives a service the nth event that waits for it.
func (s *shop) deliver(service, n int) {
	at := s.waiting[service][n]
	copy(s.waiting[service][n:], s.waiting[service][n+1:])
	s.waits[service]--
	s.waiting[service][s.waits[service]] = 0
	eventType := s.log[at-1].eventType
	switch service {
	case atInventory:
		s.inventory(eventType, at)
	case atPayment:
		s.payment(eventType, at)
	case atDelivery:
		s.delivery(eventType, at)
	}
}

func (h *heard) note(eventType, trigger string) {
	switch eventType {
	case trigger:
		h.trigger = true
	case "order.cancel_requested":
		h.asked = true
	default:
		h.over = true
	}
}

// inventory reserves, and has a choice of its own: see outOfStock.
func (s *shop) inventory(eventType string, at int8) {
	h := &s.stockHeard
	h.note(eventType, "order.placed")
	switch {
	case s.stock == none && h.trigger && (h.asked || h.over):
		s.stock = rejected
		s.emit(atInventory, "stock.rejected", at)
	case s.stock == none && h.trigger:
		s.stock = held
		s.emit(atInventory, "stock.confirmed", at)
	case s.stock == held && h.over:
		s.stock = returned
		s.emit(atInventory, "stock.returned", at)
	}
}

func (s *shop) payment(eventType string, at int8) {
	h := &s.chargeHeard
	h.note(eventType, "stock.confirmed")
	switch {
	case eventType == "stock.confirmed" && (h.asked || h.over):
		s.charge = rejected + 1
		s.emit(atPayment, "payment.rejected", at)
	case eventType == "stock.confirmed":
		s.charge, s.chargeCause = intended, at
	default:
		s.refund(at)
	}
}

// charged is what the provider said.
func (s *shop) charged(ok bool) {
	if !ok {
		s.charge = rejected + 1
		s.emit(atPayment, "payment.rejected", s.chargeCause)
		return
	}
	s.charge = captured
	s.emit(atPayment, "payment.confirmed", s.chargeCause)
	s.refund(s.chargeCause)
}

func (s *shop) refund(at int8) {
	if s.charge == captured && s.chargeHeard.over && !s.refunding {
		s.refunding, s.refundCause = true, at
	}
}

func (s *shop) delivery(eventType string, at int8) {
	switch {
	case eventType == "order.cancel_requested" && s.parcel <= parcelCanceled:
		s.parcel = parcelCanceled
		s.emit(atDelivery, "order.canceled", at)
	case eventType == "order.cancel_requested":
		s.emit(atDelivery, "order.cancel_refused", at)
	case s.parcel == none:
		s.parcel, s.parcelCause = parcelShipping, at
	}
}

// next calls fn with each way it can go on; there is none when all is done.
// Where fifo, whatever goes the same way keeps its order.
func (s *shop) next(fifo bool, fn func(shop)) {
	try := func(change func(*shop)) {
		after := *s
		change(&after)
		fn(after)
	}
	if !s.placed {
		try(func(s *shop) { s.placed = true; s.emit(atOrder, "order.placed", 0) })
		return
	}
	if !s.asked {
		try(func(s *shop) { s.asked = true; s.emit(atOrder, "order.cancel_requested", 0) })
	}
	for service := range shopServices {
		for n := range s.goes[service] {
			if n == 0 || !fifo {
				try(func(s *shop) { s.publish(service, n) })
			}
		}
		for n := range s.waits[service] {
			if n > 0 && fifo {
				continue
			}
			try(func(s *shop) { s.deliver(service, n) })
			if s.log[s.waiting[service][n]-1].eventType == "order.placed" && !s.stockHeard.asked && !s.stockHeard.over {
				try(func(s *shop) { // out of stock
					s.deliver(service, n)
					s.stock = rejected
					s.outgoing[service][s.goes[service]-1].eventType = "stock.rejected"
				})
			}
		}
	}
	if s.charge == intended {
		try(func(s *shop) { s.charged(true) })
		try(func(s *shop) { s.charged(false) })
	}
	if s.refunding && !s.refunded {
		try(func(s *shop) { s.refunded = true; s.emit(atPayment, "refund.processed", s.refundCause) })
	}
	if s.parcel == parcelShipping {
		try(func(s *shop) { s.parcel = parcelShipped; s.emit(atDelivery, "order.shipped", s.parcelCause) })
		try(func(s *shop) { s.parcel = parcelFailed; s.emit(atDelivery, "delivery.failed", s.parcelCause) })
	}
}

// idle tells whether nothing is on its way.
func (s *shop) idle() bool {
	return s.placed && s.charge != intended && s.refunding == s.refunded && s.parcel != parcelShipping &&
		s.waits == [shopServices]int{} && s.goes == [shopServices]int{}
}

// histories returns every log that an order can leave, each once.
func histories(fifo bool) [][]logged {
	seen := map[shop]struct{}{}
	found := map[[maxShop]logged][]logged{}
	var follow func(shop)
	follow = func(s shop) {
		if _, known := seen[s]; known {
			return
		}
		seen[s] = struct{}{}
		if s.idle() {
			found[s.log] = slices.Clone(s.log[:s.logged])
		}
		s.next(fifo, follow)
	}
	follow(shop{})
	all := make([][]logged, 0, len(found))
	for _, log := range found {
		all = append(all, log)
	}
	return all
}
