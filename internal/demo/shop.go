package demo

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/laban-io/laban/services/payment/provider"
)

// goods are what the demo's customers order, with prices in cents.
type goods struct {
	sku   string
	price int64
}

func catalogue() []goods {
	return []goods{{"mug", 1250}, {"teapot", 3490}, {"lamp", 5900}, {"chair", 12900}, {"rug", 24900}}
}

// soldOut is what an order that is to find no stock asks for.
const soldOut = "unicorn"

// initialStock is the stock that the demo begins with, as inventory's setting
// wants it: more than all orders can take, and none of what is sold out.
func initialStock() string {
	const plenty = 10 * maxOrders
	var parts []string
	for _, g := range catalogue() {
		parts = append(parts, fmt.Sprintf("%s=%d", g.sku, plenty))
	}
	return strings.Join(append(parts, soldOut+"=0"), ",")
}

// errand is an order to be placed, and when to cancel it.
type errand struct {
	seq     int
	fate    Fate
	request orderRequest
	// cancelAt is the moment to cancel at, as a part of the time that an order
	// usually takes.
	cancelAt float64
}

// shop draws errands. The same seed draws the same ones.
type shop struct {
	customers customers
	deck      *deck
	rng       *rand.Rand
	drawn     int
}

func newShop(c customers, m Mix, orders int, seed uint64) *shop {
	rng := rand.New(rand.NewPCG(seed, 0x1aba7)) //nolint:gosec // repeatable is what it is to be
	return &shop{customers: c, deck: newDeck(m, orders, rng), rng: rng}
}

// draw returns the next errand.
func (s *shop) draw() errand {
	s.drawn++
	e := errand{seq: s.drawn, fate: s.deck.deal(), cancelAt: 1.5 * s.rng.Float64()}
	e.request = orderRequest{
		CustomerEmail: s.customers.address(e.seq),
		Items:         s.items(),
		Currency:      "EUR",
		ShipTo:        fmt.Sprintf("%d Mill Lane, Cambridge", 1+s.rng.IntN(99)),
		PaymentToken:  string(provider.Approved),
	}
	switch e.fate { //nolint:exhaustive // the others need nothing special
	case Declined:
		e.request.PaymentToken = string(provider.Declines)
	case OutOfStock:
		e.request.Items = append(e.request.Items, itemRequest{SKU: soldOut, Quantity: 1, UnitPrice: 999900})
	case TimesOut:
		e.request.PaymentToken = string(provider.TimesOut)
	case Undeliverable:
		e.request.ShipTo = "1 Nowhere Street, Atlantis"
	}
	return e
}

// items returns one to three different things, a few of each.
func (s *shop) items() []itemRequest {
	all := catalogue()
	s.rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	var items []itemRequest
	for _, g := range all[:1+s.rng.IntN(3)] {
		items = append(items, itemRequest{SKU: g.sku, Quantity: 1 + s.rng.Int64N(3), UnitPrice: g.price})
	}
	return items
}
