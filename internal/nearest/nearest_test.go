package nearest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/nearest"
)

func TestOf(t *testing.T) {
	words := []string{"approved", "declined", "out-of-stock", "timeout", "undeliverable", "canceled"}
	for _, c := range []struct{ word, want string }{
		{"declind", "declined"},          // too few
		{"approoved", "approved"},        // too many
		{"cancelled", "canceled"},        // too many
		{"tiemout", "timeout"},           // swapped
		{"out_of_stock", "out-of-stock"}, // wrong
		{"Timeout", "timeout"},           // letter case
		{"", ""},
		{"x", ""},
		{"shipped", ""},
	} {
		t.Run(c.word, func(t *testing.T) {
			got, ok := nearest.Of(c.word, words)
			require.Equal(t, c.want, got)
			require.Equal(t, c.want != "", ok)
		})
	}
}

func TestOfTakesTheFirstOfEquals(t *testing.T) {
	got, ok := nearest.Of("rate", []string{"rata", "rato"})
	require.True(t, ok)
	require.Equal(t, "rata", got)
}
