package demo

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func draw(seed uint64, n int) []errand {
	s := newShop(customers{run: "r"}, DefaultMix(), n, seed)
	var all []errand
	for range n {
		all = append(all, s.draw())
	}
	return all
}

func TestASeedDrawsTheSameErrands(t *testing.T) {
	first, again := draw(7, 100), draw(7, 100)
	require.Equal(t, first, again)
	require.NotEqual(t, first, draw(8, 100))
}

func TestAnErrandIsWhatItsFateNeeds(t *testing.T) {
	met := make(map[Fate]bool)
	for _, e := range draw(1, 200) {
		met[e.fate] = true
		last := e.request.Items[len(e.request.Items)-1]
		require.Equal(t, e.fate == OutOfStock, last.SKU == soldOut)
		require.Equal(t, e.fate == Undeliverable, e.request.ShipTo == "1 Nowhere Street, Atlantis")
		token := map[Fate]string{Declined: "tok_declined", TimesOut: "tok_timeout"}[e.fate]
		if token == "" {
			token = "tok_approved"
		}
		require.Equal(t, token, e.request.PaymentToken)
		skus := make(map[string]bool)
		for _, it := range e.request.Items {
			require.False(t, skus[it.SKU], "the API takes each SKU once")
			skus[it.SKU] = true
		}
	}
	require.Len(t, met, int(numFates))
}

func TestCustomersAreTold(t *testing.T) {
	c := customers{run: "abc"}
	seq, w := c.number(c.address(1042))
	require.Equal(t, ours, w)
	require.Equal(t, 1042, seq)
	for address, want := range map[string]whose{
		customers{run: "xyz"}.address(1): anotherRuns,
		"ada+abc-many@demo.example":      anotherRuns,
		"ada@demo.example":               anotherRuns,
		"ada+abc-7@example.com":          somebodys,
		"":                               somebodys,
	} {
		_, got := c.number(address)
		require.Equal(t, want, got, "%q", address)
	}
}
