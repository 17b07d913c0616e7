package flow_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/flow"
)

func TestAHappyOrderCompletes(t *testing.T) {
	s := begin(t)
	placed := s.event("order.placed", "")
	s.status(flow.Running)
	s.pulse(time.Second)
	stock := s.event("stock.confirmed", placed)
	s.pulse(time.Second)
	paid := s.event("payment.confirmed", stock)
	s.status(flow.Running)
	shipped := s.event("order.shipped", paid)
	s.status(flow.Completed)
	require.Equal(t, []string{"changed unknown→running", "changed running→completed", "ended completed"}, s.tells(flow.Changed, flow.Ended))
	s.pulse(time.Second)
	require.Equal(t, 1, s.tracker.Live(), "notifications are owed still")
	for _, cause := range []string{placed, stock, paid, shipped} {
		s.event("notification.sent", cause)
	}
	s.pulse(time.Second)
	require.Equal(t, 0, s.tracker.Live())
	s.status(flow.Completed)
	require.Empty(t, s.tells(flow.Deviated, flow.Overdue, flow.Reopened))
	s.pulse(16 * time.Minute)
	_, known := s.tracker.Flow("order", "F1042")
	require.False(t, known)
}

func TestAnOrderStallsAndRecovers(t *testing.T) {
	s := begin(t)
	placed := s.event("order.placed", "")
	s.event("notification.sent", placed)
	s.pulse(time.Second)
	stock := s.event("stock.confirmed", placed)
	s.event("notification.sent", stock)
	s.pulse(10 * time.Second)
	s.status(flow.Running)
	s.pulse(500 * time.Millisecond)
	s.status(flow.Stalled)
	require.Equal(t, []string{"overdue payment payment.confirmed|payment.rejected unknown", "changed running→stalled"}, s.tells(flow.Overdue, flow.Changed)[1:])
	s.pulse(time.Minute)
	s.event("payment.rejected", stock)
	s.status(flow.Compensating)
	require.Equal(t, []string{"paid payment payment.confirmed|payment.rejected", "deviated late payment.rejected", "recovered payment payment.confirmed|payment.rejected", "changed stalled→compensating"},
		s.tells(flow.Paid, flow.Recovered, flow.Changed, flow.Deviated))
	s.event("stock.returned", "")
	s.status(flow.Failed)
}
