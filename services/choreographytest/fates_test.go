package choreographytest

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func fates(t *testing.T, s *system) {
	for _, fate := range []struct {
		name string
		wish wish
		want history
	}{
		{"shipped", willShip(), history{"order.placed": 1, "stock.confirmed": 1, "payment.confirmed": 1, "order.shipped": 1}},
		{"out of stock", willBeOut(), history{"order.placed": 1, "stock.rejected": 1}},
		{"payment declined", willBeDeclined(), history{"order.placed": 1, "stock.confirmed": 1, "payment.rejected": 1, "stock.returned": 1}},
		{"provider times out", willTimeOut(), history{"order.placed": 1, "stock.confirmed": 1, "payment.confirmed": 1, "order.shipped": 1}},
		{"delivery fails", willBeLost(), history{"order.placed": 1, "stock.confirmed": 1, "payment.confirmed": 1, "delivery.failed": 1, "stock.returned": 1, "refund.processed": 1}},
	} {
		t.Run(fate.name, func(t *testing.T) {
			id := s.place(t, fate.wish)
			s.journal.untilSettled(t, id)
			require.Equal(t, fate.want, s.journal.history(id).withoutMails())
			s.requireInvariants(t, map[string]wish{id: fate.wish})
		})
	}
}

// The provider takes the money, and answers two times too late.
func aTimeoutIsChargedOnce(t *testing.T, s *system) {
	id := s.place(t, willTimeOut())
	s.journal.untilSettled(t, id)
	captures := s.bank.about(id)
	require.Len(t, captures, 1)
	require.GreaterOrEqual(t, captures[0].Requests, 3)
	require.EqualValues(t, 950, captures[0].Amount-captures[0].Refunded)
}

// What an order causes is told with it: every event but the first has its
// cause in the same flow.
func everyEventNamesItsCause(t *testing.T, s *system) {
	id := s.place(t, willBeLost())
	s.journal.untilSettled(t, id)
	events := s.journal.of(id)
	causes := map[string]string{}
	for _, e := range events {
		causes[e.ID] = e.Type
		require.Equal(t, "order", e.FlowName)
		require.Equal(t, events[0].FlowID, e.FlowID)
		require.Equal(t, id, e.Subject)
		require.Equal(t, "test", e.ServiceVersion)
	}
	for _, e := range events {
		cause, known := causes[e.CausationID]
		switch e.Type {
		case "order.placed":
			require.Empty(t, e.CausationID)
		case "notification.sent":
			require.True(t, known)
		default:
			require.Equal(t, map[string]string{
				"stock.confirmed": "order.placed", "payment.confirmed": "stock.confirmed", "delivery.failed": "payment.confirmed",
				"stock.returned": "delivery.failed", "refund.processed": "delivery.failed",
			}[e.Type], cause, "cause of %s", e.Type)
			require.False(t, e.TriggerTime.IsZero())
			require.False(t, e.Time.Before(e.TriggerTime))
		}
	}
}

// withoutMails is h less what is told of every change.
func (h history) withoutMails() history {
	rest := make(history)
	for eventType, n := range h {
		if eventType != "notification.sent" {
			rest[eventType] = n
		}
	}
	return rest
}
