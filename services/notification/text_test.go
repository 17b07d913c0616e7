package notification

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMoneyIsWrittenAsItsCurrencyIs(t *testing.T) {
	for _, test := range []struct {
		minor int64
		code  string
		want  string
	}{
		{4900, "EUR", "49.00 EUR"},
		{5, "EUR", "0.05 EUR"},
		{100, "USD", "1.00 USD"},
		{4900, "JPY", "4900 JPY"},
		{4900, "KWD", "4.900 KWD"},
		{9223372036854775807, "EUR", "92233720368547758.07 EUR"},
		{4900, "Q!?", "4900 minor units of an unknown currency"},
	} {
		require.Equal(t, test.want, money(test.minor, test.code))
	}
}

func TestEveryChangeHasWordsOfItsOwn(t *testing.T) {
	subjects := map[string]string{}
	for _, eventType := range heard() {
		subject, text := write(eventType, change{
			OrderID: "1042", Reason: "the moon is full.", Amount: 4900, Currency: "EUR", TrackingNumber: "LB7",
		})
		require.NotContains(t, subjects, subject, "%s and %s read alike", eventType, subjects[subject])
		subjects[subject] = eventType
		require.Contains(t, subject, "your order 1042")
		require.Contains(t, text, "Your order number is 1042.")
		require.NotContains(t, text, eventType, "a customer does not know event types")
		for line := range strings.SplitSeq(text, "\n") {
			require.NotContains(t, line, "..")
			require.NotContains(t, line, "  ")
		}
	}
}

func TestWordsTellWhatTheEventTells(t *testing.T) {
	for eventType, says := range map[string]string{
		orderPlaced:        "thank you for your order of 49.00 EUR.",
		stockRejected:      "we can't deliver your order: the moon is full.",
		paymentConfirmed:   "we received your payment of 49.00 EUR.",
		paymentRejected:    "your payment was not made: the moon is full.",
		orderShipped:       "Its tracking number is LB7.",
		deliveryFailed:     "could not be delivered: the moon is full.",
		orderCancelRefused: "It is too late for that: the moon is full.",
		refundProcessed:    "we returned your payment of 49.00 EUR.",
	} {
		_, text := write(eventType, change{OrderID: "1042", Reason: "the moon is full.", Amount: 4900, Currency: "EUR", TrackingNumber: "LB7"})
		require.Contains(t, text, says)
		_, text = write(eventType, change{OrderID: "1042"})
		for _, left := range []string{": .", " of .", "number is ."} {
			require.NotContains(t, text, left, "%s without details", eventType)
		}
	}
}

func TestALongReasonIsCut(t *testing.T) {
	text := because(change{Reason: strings.Repeat("ü", 1000)})
	require.LessOrEqual(t, len(text), maxReason+10)
	require.True(t, strings.HasSuffix(text, "ü…"))
}
