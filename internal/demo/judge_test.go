package demo

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestJudge(t *testing.T) {
	h := rightHistories()
	right := map[Fate][]string{
		Approved:      {"shipped"},
		Declined:      {"declined"},
		OutOfStock:    {"out of stock"},
		TimesOut:      {"shipped"},
		Undeliverable: {"undeliverable"},
		Canceled: {
			"canceled before stock", "canceled before payment", "canceled after payment", "canceled too late", "shipped"},
		Yours: {
			"shipped", "declined", "out of stock", "undeliverable",
			"canceled before stock", "canceled before payment", "canceled after payment", "canceled too late"},
	}
	for f := Approved; f <= Yours; f++ {
		for name, c := range h {
			o := &order{fate: f, counts: c}
			if c.has(cancelRequested) && f != Canceled && f != Yours {
				continue // nobody cancels them
			}
			isRight := false
			for _, ok := range right[f] {
				isRight = isRight || ok == name
			}
			require.Equal(t, isRight, len(judge(choreography(), o)) == 0, "%s that went as %q", f, name)
		}
	}
}

func TestJudgeSaysWhatIsWrong(t *testing.T) {
	h := rightHistories()
	for _, c := range []struct {
		order order
		want  string
	}{
		{order{fate: Approved, counts: h["declined"]}, `it ended as "not paid, stock back", and must as "paid, shipped"`},
		{order{fate: Canceled, counts: h["shipped"], cancel: cancelAccepted}, "order.cancel_requested never came"},
		{order{fate: Canceled, counts: h["shipped"], cancel: cancelFailed}, "the API gave no answer to the request to cancel it"},
		{order{fate: Approved, counts: withMails(countsOf(placed, stockConfirmed, paymentConfirmed, shipped, shipped))},
			"delivery emitted order.shipped 2× where 1 is due"},
		{order{fate: Yours, counts: withMails(countsOf(placed, stockConfirmed, paymentConfirmed, shipped, canceled, cancelRequested, stockReturned, refundProcessed))},
			"it has ended well and badly: order.shipped, order.canceled"},
		{order{fate: Declined, counts: h["out of stock"]}, `it ended as "no stock"`},
	} {
		require.Contains(t, strings.Join(judge(choreography(), &c.order), "; "), c.want)
	}
}
