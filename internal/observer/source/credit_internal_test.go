package source

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestCreditFollowsTheSizeOfMessages: many small ones are asked for, few large
// ones, and soon after they have become large.
func TestCreditFollowsTheSizeOfMessages(t *testing.T) {
	var c credit
	read := func(n, body int) (asked int) {
		for range n {
			if c.take(body) {
				c.begin()
				asked++
			}
		}
		return asked
	}
	require.Equal(t, creditFirst, c.begin())
	require.Equal(t, 1, read(100_000, 500))
	require.Equal(t, creditMost, c.now)
	require.LessOrEqual(t, read(40, 1<<20), 8)
	require.LessOrEqual(t, c.now<<20, 2*creditBytes)
	require.LessOrEqual(t, read(100_000, 500), 4, "it is not asked over and over")
	require.Equal(t, creditMost, c.now)
	read(100, 128<<20)
	require.Equal(t, creditLeast, c.now)
}

// TestCreditIsBounded whatever comes.
func TestCreditIsBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var c credit
		c.begin()
		for _, body := range rapid.SliceOf(rapid.IntRange(0, 128<<20)).Draw(t, "bodies") {
			if c.take(body) {
				c.begin()
			}
			require.GreaterOrEqual(t, c.now, creditLeast)
			require.LessOrEqual(t, c.now, creditMost)
		}
	})
}

// TestAnItemWithoutItsBodyIsTheSame as far as its fingerprint tells.
func TestAnItemWithoutItsBodyIsTheSame(t *testing.T) {
	for _, size := range []int{0, keptBody, keptBody + 1, 1 << 20} {
		item := Item{exchange: "shop", key: "order.placed", id: "1", Data: bytes.Repeat([]byte("x"), size)}
		light := item
		light.lighten()
		require.Equal(t, item.Fingerprint(), light.Fingerprint())
		require.Equal(t, size > keptBody, light.Data == nil && size > 0)
	}
}
