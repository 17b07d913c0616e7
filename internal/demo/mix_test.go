package demo

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestParseMix(t *testing.T) {
	m, err := ParseMix("approved=80, declined = 10,out-of-stock=10,timeout=0")
	require.NoError(t, err)
	require.Equal(t, Mix{Approved: 80, Declined: 10, OutOfStock: 10}, m)
	require.Equal(t, "approved=80,declined=10,out-of-stock=10", m.String())

	again, err := ParseMix(DefaultMix().String())
	require.NoError(t, err)
	require.Equal(t, DefaultMix(), again)
}

func TestParseMixSaysWhatIsWrong(t *testing.T) {
	for text, want := range map[string]string{
		"":                           `"" is not of the form fate=number, such as approved=80,declined=20`,
		"approved":                   `"approved" is not of the form`,
		"aproved=5":                  `there is no fate "aproved"; did you mean "approved"?`,
		"cancelled=5":                `did you mean "canceled"?`,
		"shipped=5":                  `there is no fate "shipped"; there are approved, declined,`,
		"yours=5":                    `there is no fate "yours"`,
		"approved=1,approved=2":      `approved is given twice`,
		"approved=many":              `approved="many": the number must be a whole one`,
		"approved=-1":                `approved="-1"`,
		"approved=1000001":           `from 0 to 1000000`,
		"approved=0,declined=0":      `all numbers are 0`,
		"approved=1,":                `"" is not of the form`,
		"approved=1;declined=2":      `approved="1;declined=2"`,
		"approved=99999999999999999": `approved="99999999999999999"`,
	} {
		t.Run(text, func(t *testing.T) {
			_, err := ParseMix(text)
			require.ErrorContains(t, err, want)
		})
	}
}

// Shares add up, and none is off its exact part by a whole order.
func TestShare(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var m Mix
		for f := range m {
			m[f] = rapid.IntRange(0, 100).Draw(t, Fate(f).String())
		}
		if m.total() == 0 {
			m[Approved] = 1
		}
		n := rapid.IntRange(0, 5000).Draw(t, "orders")
		shares := m.share(n)
		require.Equal(t, n, shares.total())
		for f, got := range shares {
			exact := float64(m[f]) * float64(n) / float64(m.total())
			require.InDelta(t, exact, got, 1, "%s", Fate(f))
			if m[f] == 0 {
				require.Zero(t, got, "%s", Fate(f))
			}
		}
	})
}

func TestTheDefaultMixHasEveryFateInFifty(t *testing.T) {
	for f, n := range DefaultMix().share(50) {
		require.Positive(t, n, "%s", Fate(f))
	}
}

func TestADeckDealsExactlyTheMix(t *testing.T) {
	m := Mix{Approved: 7, Canceled: 3}
	d := newDeck(m, 200, rand.New(rand.NewPCG(1, 2)))
	var dealt Mix
	changes, last := 0, Fate(-1)
	for range 200 {
		f := d.deal()
		dealt[f]++
		if f != last {
			changes, last = changes+1, f
		}
	}
	require.Equal(t, Mix{Approved: 140, Canceled: 60}, dealt)
	require.Greater(t, changes, 20, "they are shuffled")
}

func TestAnEndlessDeckKeepsTheMixInEachRound(t *testing.T) {
	d := newDeck(DefaultMix(), 0, rand.New(rand.NewPCG(1, 2)))
	for range 3 {
		var dealt Mix
		for range endlessRound {
			dealt[d.deal()]++
		}
		require.Equal(t, DefaultMix().share(endlessRound), dealt)
	}
}
