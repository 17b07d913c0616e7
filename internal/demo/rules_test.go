package demo

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// countsOf returns an order with these events.
func countsOf(kinds ...kind) counts {
	var c counts
	for _, k := range kinds {
		c.add(k)
	}
	return c
}

// withMails adds the mails that are due.
func withMails(c counts) counts {
	for _, d := range owed(choreography(), c) {
		if d.side {
			for range d.n {
				c.add(notificationSent)
			}
		}
	}
	return c
}

// rightHistories are whole orders, one for each way to a right end.
func rightHistories() map[string]counts {
	h := map[string]counts{
		"shipped":                 countsOf(placed, stockConfirmed, paymentConfirmed, shipped),
		"declined":                countsOf(placed, stockConfirmed, paymentRejected, stockReturned),
		"out of stock":            countsOf(placed, stockRejected),
		"undeliverable":           countsOf(placed, stockConfirmed, paymentConfirmed, deliveryFailed, stockReturned, refundProcessed),
		"canceled before stock":   countsOf(placed, cancelRequested, canceled, stockRejected),
		"canceled before payment": countsOf(placed, cancelRequested, canceled, stockConfirmed, paymentRejected, stockReturned),
		"canceled after payment":  countsOf(placed, cancelRequested, canceled, stockConfirmed, paymentConfirmed, stockReturned, refundProcessed),
		"canceled too late":       countsOf(placed, cancelRequested, cancelRefused, stockConfirmed, paymentConfirmed, shipped),
	}
	for name, c := range h {
		h[name] = withMails(c)
	}
	return h
}

func TestAWholeHistoryOwesNothing(t *testing.T) {
	for name, c := range rightHistories() {
		t.Run(name, func(t *testing.T) {
			require.Empty(t, owed(choreography(), c))
			require.Empty(t, inconsistencies(choreography(), c))
			p, turn := phaseOf(choreography(), c)
			require.Equal(t, settled, p)
			require.Empty(t, turn)
		})
	}
}

// Leave out any one event but the first, and the order is not settled, or it is
// another history; count any one twice, and that is noticed.
func TestEveryEventCounts(t *testing.T) {
	whole := func(c counts) bool {
		for _, other := range rightHistories() {
			if c == other {
				return true
			}
		}
		return false
	}
	for name, c := range rightHistories() {
		for k := range numKinds {
			if c[k] == 0 || k == placed {
				continue
			}
			t.Run(fmt.Sprintf("%s, %s", name, k), func(t *testing.T) {
				less := c
				less[k]--
				if p, _ := phaseOf(choreography(), less); p == settled && len(inconsistencies(choreography(), less)) == 0 {
					require.True(t, whole(less), "it goes unnoticed that %s is missing", k)
				}
				more := c
				more.add(k)
				p, _ := phaseOf(choreography(), more)
				require.True(t, p != settled || len(inconsistencies(choreography(), more)) > 0, "a second %s goes unnoticed", k)
			})
		}
	}
}

func TestWhoseTurnItIs(t *testing.T) {
	for _, c := range []struct {
		events []kind
		phase  phase
		turn   string
	}{
		{[]kind{placed}, underWay, "inventory"},
		{[]kind{placed, stockConfirmed}, underWay, "payment"},
		{[]kind{placed, stockConfirmed, paymentConfirmed}, underWay, "delivery"},
		{[]kind{placed, stockConfirmed, paymentConfirmed, shipped}, mailing, "notification"},
		{[]kind{placed, stockConfirmed, paymentRejected}, undoing, "inventory"},
		{[]kind{placed, stockConfirmed, paymentConfirmed, deliveryFailed, stockReturned}, undoing, "payment"},
		{[]kind{placed, stockConfirmed, paymentConfirmed, shipped, cancelRequested}, deciding, "delivery"},
		{[]kind{placed, cancelRequested, canceled}, undoing, "inventory"},
		{[]kind{placed, cancelRequested, canceled, stockConfirmed, stockReturned}, undoing, "payment"},
		{nil, underWay, ""},
	} {
		p, turn := phaseOf(choreography(), countsOf(c.events...))
		require.Equal(t, c.phase, p, "%v", c.events)
		require.Equal(t, c.turn, turn, "%v", c.events)
	}
}

func TestDebtsAreNamed(t *testing.T) {
	debts := owed(choreography(), countsOf(placed, stockConfirmed))
	require.Equal(t, "payment owes payment.confirmed or payment.rejected", debts[0].String())
	require.Equal(t, "notification owes notification.sent (2×)", debts[1].String())
}

func TestKindsHaveNames(t *testing.T) {
	byType := kindsByType()
	require.Len(t, byType, int(numKinds))
	require.NotContains(t, byType, "unknown")
	require.Equal(t, "unknown", numKinds.String())
}
