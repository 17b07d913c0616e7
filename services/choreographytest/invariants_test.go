package choreographytest

import (
	"context"
	"slices"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/services/delivery"
)

// requireInvariants holds what became of orders, all of them settled, against
// what is promised. wishes are the orders by id.
func (s *system) requireInvariants(t require.TestingT, wishes map[string]wish) {
	require.Empty(t, s.journal.parked(), "no message is parked")
	shipments, err := s.delivery.Shipments(context.Background())
	require.NoError(t, err)
	mails := s.mailsSent(t)
	for id, w := range wishes {
		h := s.journal.history(id)
		require.Empty(t, h.faults(), "order %s: %v", id, h)
		shipped := h["order.shipped"] == 1
		s.requireMoney(t, id, w, h, shipped)
		require.Equal(t, shipped, slices.ContainsFunc(shipments, func(p delivery.Shipment) bool {
			return p.OrderID == id && p.Shipped && p.Amount == w.amount()
		}), "order %s", id)
		s.requireMails(t, id, mails)
		s.requireStatus(t, id, h)
	}
	s.requireStock(t)
	s.requireParcels(t, shipments)
}

// requireMoney: what was captured and not refunded is the value of what was
// shipped.
func (s *system) requireMoney(t require.TestingT, id string, w wish, h history, shipped bool) {
	captures := s.bank.about(id)
	require.Len(t, captures, h["payment.confirmed"], "order %s: money is taken exactly if payment says so", id)
	var kept int64
	for _, c := range captures {
		require.Equal(t, w.amount(), c.Amount)
		kept += c.Amount - c.Refunded
	}
	want := int64(0)
	if shipped {
		want = w.amount()
	}
	require.Equal(t, want, kept, "order %s: captured − refunded = shipped", id)
}

// mailsSent returns the ids of the events that mails were sent about, with the
// number of different mails.
func (s *system) mailsSent(t require.TestingT) map[string]int {
	sent := map[string]bool{}
	for _, m := range s.mails.Mails() {
		sent[m.ID] = true
	}
	known, err := s.notification.Mails(context.Background())
	require.NoError(t, err)
	about := map[string]int{}
	for _, m := range known {
		if m.Sent && sent[m.ID] {
			about[m.EventID]++
		}
	}
	require.Len(t, about, len(sent), "the service knows of every mail")
	return about
}

// requireMails: one mail a change.
func (s *system) requireMails(t require.TestingT, id string, sent map[string]int) {
	for _, e := range s.journal.of(id) {
		want := 0
		if slices.Contains(mailed(), e.Type) {
			want = 1
		}
		require.Equal(t, want, sent[e.ID], "mails about %s of order %s", e.Type, id)
	}
}

// requireStatus: the API comes to tell what the events tell.
func (s *system) requireStatus(t require.TestingT, id string, h history) {
	want := "rejected"
	switch {
	case h["order.shipped"] > 0:
		want = "shipped"
	case h["delivery.failed"] > 0:
		want = "failed"
	case h["order.canceled"] > 0:
		want = "canceled"
	}
	require.Eventually(t, func() bool { return s.status(t, id) == want }, patience, 5*time.Millisecond,
		"order %s is to become %s", id, want)
}

// requireStock: what is there and what is held add up, and what is held was
// shipped.
func (s *system) requireStock(t require.TestingT) {
	shipped := map[string]int64{}
	for _, orderID := range s.journal.all() {
		for _, e := range s.journal.of(orderID) {
			if e.Type != "order.shipped" {
				continue
			}
			var data struct {
				Items []struct {
					SKU      string
					Quantity int64
				}
			}
			require.NoError(t, e.Decode(&data))
			for _, item := range data.Items {
				shipped[item.SKU] += item.Quantity
			}
		}
	}
	levels, err := s.inventory.Levels(context.Background())
	require.NoError(t, err)
	for _, l := range levels {
		require.Equal(t, l.Initial, l.Available+l.Held, "stock of %s is conserved", l.SKU)
		require.Equal(t, shipped[l.SKU], l.Held, "what is held of %s is what was shipped", l.SKU)
	}
}

// requireParcels: the carrier has one parcel for each order that was shipped,
// and the bank's books agree with delivery's.
func (s *system) requireParcels(t require.TestingT, shipments []delivery.Shipment) {
	var value int64
	for _, p := range shipments {
		value += p.Amount
	}
	require.Equal(t, len(shipments), s.courier.Shipped())
	require.Equal(t, value, s.bank.Totals().Kept("EUR"))
}
