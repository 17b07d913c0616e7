package source

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// sender is a broker that sends as much as it has been granted.
type sender struct {
	credit
	sent, read uint64 // tags
	acked      uint64
	asked      int // how often it was asked
}

func (s *sender) ask() {
	s.sent, s.read, s.acked = 0, 0, 0
	s.begin()
	s.asked++
}

// serve has so many messages of a size sent and read, and returns how many bytes
// were on their way at most.
func (s *sender) serve(n, body int) (most int) {
	if s.asked == 0 {
		s.ask()
	}
	for range n {
		s.sent = max(s.sent, s.acked+uint64(s.granted))
		most = max(most, int(s.sent-s.read)*body)
		s.read++
		if s.take(body) {
			s.ask()
		} else if tag := s.ack(s.read); tag > 0 {
			s.acked = tag
		}
	}
	return most
}

// TestCreditFollowsTheSizeOfMessages: many small ones are asked for, few large
// ones, and what is on its way when they become large is not asked for twice.
func TestCreditFollowsTheSizeOfMessages(t *testing.T) {
	var s sender
	s.serve(100_000, 500)
	require.Equal(t, creditMost, s.granted)
	require.Equal(t, 2, s.asked)
	s.serve(creditMost, 1<<20) // those were granted before it was known
	require.LessOrEqual(t, s.serve(1000, 1<<20), creditBytes+creditBytes/8)
	require.Equal(t, 2, s.asked)
	s.serve(100, 500)
	require.Greater(t, s.serve(10_000, 500), 500*creditMost/2, "and many again")
	require.Equal(t, 2, s.asked)

	var large sender
	require.LessOrEqual(t, large.serve(1000, 1<<20), creditFirst<<20)
	require.Equal(t, 1, large.asked)
	large.serve(2000, 500)
	require.Equal(t, creditMost, large.granted)
}

// TestCreditIsBounded whatever comes, and never runs out: when all that was sent
// has been read, more may be sent.
func TestCreditIsBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s sender
		for _, body := range rapid.SliceOf(rapid.IntRange(0, 128<<20)).Draw(t, "bodies") {
			s.serve(1, body)
			require.GreaterOrEqual(t, s.granted, creditLeast)
			require.LessOrEqual(t, s.granted, creditMost)
			require.LessOrEqual(t, s.acked, s.read)
			require.Greater(t, s.acked+uint64(s.granted), s.read)
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
