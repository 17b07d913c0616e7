package choreographytest

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// The customer cancels while an event is on its way: whoever it is for hears of
// the cancel first.
func cancelBeforeAnEventArrives(t *testing.T, s *system) {
	for _, test := range []struct {
		name string
		wish wish
		held string
		// answer is delivery's, for which the held event waits.
		answer string
		want   history
	}{
		{"nothing is reserved", willShip(), "order.placed", "order.canceled",
			history{"order.placed": 1, "order.cancel_requested": 1, "order.canceled": 1, "stock.rejected": 1}},
		{"nothing is charged", willShip(), "stock.confirmed", "order.canceled",
			history{"order.placed": 1, "order.cancel_requested": 1, "order.canceled": 1, "stock.confirmed": 1, "payment.rejected": 1, "stock.returned": 1}},
		{"it is charged, and refunded", willShip(), "payment.confirmed", "order.canceled",
			history{"order.placed": 1, "order.cancel_requested": 1, "order.canceled": 1, "stock.confirmed": 1, "payment.confirmed": 1, "refund.processed": 1, "stock.returned": 1}},
		{"there was no stock anyway", willBeOut(), "stock.rejected", "order.canceled",
			history{"order.placed": 1, "order.cancel_requested": 1, "order.canceled": 1, "stock.rejected": 1}},
		{"the payment was declined anyway", willBeDeclined(), "payment.rejected", "order.canceled",
			history{"order.placed": 1, "order.cancel_requested": 1, "order.canceled": 1, "stock.confirmed": 1, "payment.rejected": 1, "stock.returned": 1}},
		{"it is shipped already", willShip(), "order.shipped", "order.cancel_refused",
			history{"order.placed": 1, "order.cancel_requested": 1, "order.cancel_refused": 1, "stock.confirmed": 1, "payment.confirmed": 1, "order.shipped": 1}},
		{"it has failed already", willBeLost(), "delivery.failed", "order.cancel_refused",
			history{"order.placed": 1, "order.cancel_requested": 1, "order.cancel_refused": 1, "stock.confirmed": 1, "payment.confirmed": 1, "delivery.failed": 1, "stock.returned": 1, "refund.processed": 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := s.post.hold(test.held)
			id := s.place(t, test.wish)
			<-h.arrived
			require.Equal(t, http.StatusAccepted, s.cancel(t, id))
			s.journal.untilHas(t, id, test.answer)
			s.post.letGo(h)
			s.journal.untilSettled(t, id)
			require.Equal(t, test.want, s.journal.history(id).withoutMails())
			s.requireInvariants(t, map[string]wish{id: test.wish})
		})
	}
}

// The customer cancels while the provider takes the money: it is refunded.
func cancelDuringTheCapture(t *testing.T, s *system) {
	reached, release := s.bank.pause.next()
	w := willShip()
	id := s.place(t, w)
	<-reached
	require.Equal(t, http.StatusAccepted, s.cancel(t, id))
	s.journal.untilHas(t, id, "order.canceled")
	release()
	s.journal.untilSettled(t, id)
	require.Equal(t, history{
		"order.placed": 1, "order.cancel_requested": 1, "order.canceled": 1, "stock.confirmed": 1,
		"payment.confirmed": 1, "refund.processed": 1, "stock.returned": 1,
	}, s.journal.history(id).withoutMails())
	s.requireInvariants(t, map[string]wish{id: w})
}

// The customer cancels while the carrier takes the parcel: too late.
func cancelDuringShipping(t *testing.T, s *system) {
	reached, release := s.courier.pause.next()
	w := willShip()
	id := s.place(t, w)
	<-reached
	require.Equal(t, http.StatusAccepted, s.cancel(t, id))
	s.journal.untilHas(t, id, "order.cancel_requested")
	release()
	s.journal.untilSettled(t, id)
	require.Equal(t, history{
		"order.placed": 1, "order.cancel_requested": 1, "order.cancel_refused": 1, "stock.confirmed": 1,
		"payment.confirmed": 1, "order.shipped": 1,
	}, s.journal.history(id).withoutMails())
	s.requireInvariants(t, map[string]wish{id: w})
}

// The request to cancel is on its way for so long that the order is shipped.
func aCancelThatComesLateIsRefused(t *testing.T, s *system) {
	placed, late := s.post.hold("order.placed"), s.post.hold("order.cancel_requested")
	w := willShip()
	id := s.place(t, w)
	require.Equal(t, http.StatusAccepted, s.cancel(t, id))
	<-late.arrived
	s.post.letGo(placed)
	s.journal.untilHas(t, id, "order.shipped")
	s.post.letGo(late)
	s.journal.untilHas(t, id, "order.cancel_refused")
	s.journal.untilSettled(t, id)
	s.requireInvariants(t, map[string]wish{id: w})
}

// Asked again, the answer is the same, and there is one request.
func cancelTwice(t *testing.T, s *system) {
	h := s.post.hold("order.cancel_requested")
	placed := s.post.hold("order.placed")
	id := s.place(t, willShip())
	require.Equal(t, http.StatusAccepted, s.cancel(t, id))
	require.Equal(t, http.StatusAccepted, s.cancel(t, id))
	<-h.arrived
	s.post.letGo(h)
	s.journal.untilHas(t, id, "order.canceled")
	s.post.letGo(placed)
	s.journal.untilSettled(t, id)
	require.Equal(t, 1, s.journal.history(id)["order.cancel_requested"])
	s.requireInvariants(t, map[string]wish{id: willShip()})
	require.Equal(t, http.StatusConflict, s.cancel(t, id))
}

func cancelAfterTheEndChangesNothing(t *testing.T, s *system) {
	for _, w := range []wish{willShip(), willBeOut(), willBeDeclined(), willBeLost()} {
		id := s.place(t, w)
		s.journal.untilSettled(t, id)
		s.requireInvariants(t, map[string]wish{id: w}) // also waits for the API to know
		before := s.journal.history(id)
		require.Equal(t, http.StatusConflict, s.cancel(t, id))
		require.Equal(t, before, s.journal.history(id))
	}
}
