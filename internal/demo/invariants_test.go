package demo

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/services/delivery/carrier"
	"github.com/laban-io/laban/services/inventory"
	"github.com/laban-io/laban/services/payment/provider"
)

// scene is a run in which every invariant holds.
type scene struct {
	orders   []*order
	moved    stockMoves
	failures failures
	evidence evidence
}

// newScene has a shipped order, an undeliverable one and a declined one.
func newScene() *scene {
	h := rightHistories()
	return &scene{
		orders: []*order{
			{id: "A", seq: 1, fate: Approved, amount: 1000, counts: h["shipped"], phase: settled},
			{id: "B", seq: 2, fate: Undeliverable, amount: 700, counts: h["undeliverable"], phase: settled},
			{id: "C", seq: 3, fate: Declined, amount: 500, counts: h["declined"], phase: settled},
		},
		moved:    stockMoves{"mug": 2},
		failures: failures{strays: map[string]int{}},
		evidence: evidence{
			stock: []inventory.Level{{SKU: "mug", Initial: 10, Available: 8, Held: 2}, {SKU: "rug", Initial: 5, Available: 5}},
			captures: []provider.Capture{
				{Reference: "A", Amount: 1000}, {Reference: "B", Amount: 700, Refunded: 700}, {Reference: "of another run", Amount: 1},
			},
			parcels:  []carrier.Parcel{{Reference: "A"}, {Reference: "of another run"}},
			mails:    mailCount{to: map[int]int{1: 4, 2: 5, 3: 3}},
			statuses: map[string]string{"A": "shipped", "B": "failed", "C": "rejected", "another": "placed"},
		},
	}
}

// broken returns the names of the invariants that don't hold, and why not.
func (s *scene) broken() map[string][]string {
	all := make(map[string][]string)
	for _, i := range invariants(choreography(), s.orders, s.moved, s.failures, s.evidence) {
		if len(i.Broken) > 0 {
			all[i.Name] = i.Broken
		}
	}
	return all
}

func TestInvariantsHold(t *testing.T) {
	s := newScene()
	require.Empty(t, s.broken())
	var details []string
	for _, i := range invariants(choreography(), s.orders, s.moved, s.failures, s.evidence) {
		details = append(details, i.Name+": "+i.Detail)
	}
	require.Equal(t, []string{
		"stock is conserved: 2 sold or held, 13 left",
		"captured − refunded = shipped: 17.00 − 7.00 = 10.00 EUR",
		"one class of outcome an order: 1 completed, 2 failed cleanly",
		"one mail a change: 12 mails for 12 changes",
		"nothing parked, unrouted or lost: ",
		"the order API says the same: 3 orders",
	}, details)
}

func TestInvariantsBreak(t *testing.T) {
	const (
		stock = "stock is conserved"
		money = "captured − refunded = shipped"
		class = "one class of outcome an order"
		mails = "one mail a change"
		over  = "nothing parked, unrouted or lost"
		api   = "the order API says the same"
	)
	for name, c := range map[string]struct {
		sabotage func(*scene)
		breaks   string
		why      string
	}{
		"stock vanishes":      {func(s *scene) { s.evidence.stock[0].Available-- }, stock, "mug: 7 available + 2 held, but 10 in all"},
		"stock is kept":       {func(s *scene) { s.moved["mug"] = 0 }, stock, "mug: 2 held, but by the events it should be 0"},
		"inventory is silent": {func(s *scene) { s.evidence.unasked = map[string]error{"stock": errors.New("down")} }, stock, "can't be told: down"},
		"charged twice":       {func(s *scene) { s.evidence.captures = append(s.evidence.captures, s.evidence.captures[0]) }, money, "order A: 2 captures of 20.00 in all, 0.00 refunded; 10.00 is due"},
		"charged in two halves": {func(s *scene) {
			s.evidence.captures[0].Amount = 500
			s.evidence.captures = append(s.evidence.captures, s.evidence.captures[0])
		}, money, "order A was charged 2 times"},
		"not refunded":         {func(s *scene) { s.evidence.captures[1].Refunded = 0 }, money, "order B: 1 capture of 7.00 in all, 0.00 refunded; 0.00 is due"},
		"never charged":        {func(s *scene) { s.evidence.captures = s.evidence.captures[1:] }, money, "order A: 0 captures"},
		"two parcels":          {func(s *scene) { s.evidence.parcels = append(s.evidence.parcels, s.evidence.parcels[0]) }, money, "order A: the carrier took 2 parcels, 1 due"},
		"a parcel for nothing": {func(s *scene) { s.evidence.parcels = append(s.evidence.parcels, carrier.Parcel{Reference: "C"}) }, money, "order C: the carrier took 1 parcel, 0 due"},
		"shipped and canceled": {func(s *scene) {
			s.orders[1].counts = withMails(countsOf(placed, stockConfirmed, paymentConfirmed, shipped, deliveryFailed, stockReturned, refundProcessed))
		}, class, "order B ended well and badly: order.shipped, delivery.failed"},
		"a mail too few":    {func(s *scene) { s.evidence.mails.to[2]-- }, mails, "order B: 4 mails were sent, and 5 said to be"},
		"a mail too many":   {func(s *scene) { s.evidence.mails.to[2]++ }, mails, "order B: 6 mails were sent, and 5 said to be"},
		"a mail said twice": {func(s *scene) { s.orders[0].counts.add(notificationSent) }, mails, "order A: 5 mails for 4 changes"},
		"parked":            {func(s *scene) { s.failures.parked = []string{"payment parked it"} }, over, "payment parked it"},
		"unrouted":          {func(s *scene) { s.failures.strays["order.shiped"] = 3 }, over, `3× "order.shiped" was emitted, which no service listens to`},
		"lost":              {func(s *scene) { s.evidence.lost = 2 }, over, "the broker set 2 messages aside as lost"},
		"the API lags":      {func(s *scene) { s.evidence.statuses["C"] = "placed" }, api, `order C is rejected, the API says "placed"`},
		"the API forgets":   {func(s *scene) { delete(s.evidence.statuses, "A") }, api, `order A is shipped, the API says ""`},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene()
			c.sabotage(s)
			broken := s.broken()
			require.Contains(t, broken, c.breaks)
			require.Contains(t, broken[c.breaks][0], c.why)
		})
	}
}

// What an open order will have done is not known yet.
func TestOpenOrdersBreakNothing(t *testing.T) {
	s := newScene()
	for _, o := range s.orders {
		o.phase = undoing
	}
	s.moved["mug"] = 9
	s.evidence.captures, s.evidence.parcels, s.evidence.statuses, s.evidence.mails = nil, nil, nil, mailCount{}
	require.Empty(t, s.broken())
}

func TestNumbersAreReadable(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1234: "-1,234"} {
		require.Equal(t, want, thousands(n))
	}
	for n, want := range map[int64]string{0: "0.00", 5: "0.05", 123456: "1,234.56", -250: "-2.50"} {
		require.Equal(t, want, money(n))
	}
}
