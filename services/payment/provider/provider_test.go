package provider_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/services/payment/gateway"
	"github.com/laban-io/laban/services/payment/provider"
)

func request(key string, token gateway.Token) gateway.CaptureRequest {
	return gateway.CaptureRequest{IdempotencyKey: key, Reference: "1042", Token: token, Amount: 4900, Currency: "EUR"}
}

func refundOf(c gateway.Capture, key string, amount int64) gateway.RefundRequest {
	return gateway.RefundRequest{IdempotencyKey: key, Reference: "1042", CaptureID: c.ID, Amount: amount, Currency: "EUR"}
}

func TestMoneyIsTakenOncePerKey(t *testing.T) {
	p := provider.New(provider.Config{})
	first, err := p.Capture(t.Context(), request("a", provider.Approved))
	require.NoError(t, err)
	again, err := p.Capture(t.Context(), request("a", provider.Approved))
	require.NoError(t, err)
	other, err := p.Capture(t.Context(), request("b", provider.Approved))
	require.NoError(t, err)

	require.Equal(t, first, again)
	require.NotEqual(t, first, other)
	require.Equal(t, 2, p.Totals().Captures)
	require.EqualValues(t, 9800, p.Totals().Kept("EUR"))
	c, ok := p.CaptureOf("a")
	require.True(t, ok)
	require.Equal(t, 2, c.Requests)
	require.Equal(t, "1042", c.Reference)
}

func TestAKeyBelongsToOneRequest(t *testing.T) {
	p := provider.New(provider.Config{})
	_, err := p.Capture(t.Context(), request("a", provider.Approved))
	require.NoError(t, err)
	changed := request("a", provider.Approved)
	changed.Amount++
	_, err = p.Capture(t.Context(), changed)
	require.ErrorContains(t, err, "belongs to another request")
	require.EqualValues(t, 4900, p.Totals().Kept("EUR"))
}

func TestDeclines(t *testing.T) {
	p := provider.New(provider.Config{})
	for _, token := range []gateway.Token{provider.Declines, "tok_other", ""} {
		_, err := p.Capture(t.Context(), request("a", token))
		var no *gateway.Declined
		require.ErrorAs(t, err, &no)
		require.NotEmpty(t, no.Reason)
		require.NotContains(t, err.Error(), "tok_")
	}
	require.Zero(t, p.Totals().Captures)
	require.Equal(t, 3, p.Totals().Declines)
}

func TestMoneyIsGivenBackOncePerKeyAndNeverMoreThanWasTaken(t *testing.T) {
	p := provider.New(provider.Config{})
	c, err := p.Capture(t.Context(), request("a", provider.Approved))
	require.NoError(t, err)

	first, err := p.Refund(t.Context(), refundOf(c, "r1", 4000))
	require.NoError(t, err)
	again, err := p.Refund(t.Context(), refundOf(c, "r1", 4000))
	require.NoError(t, err)
	require.Equal(t, first, again)
	require.EqualValues(t, 900, p.Totals().Kept("EUR"))

	var no *gateway.Declined
	_, err = p.Refund(t.Context(), refundOf(c, "r2", 901))
	require.ErrorAs(t, err, &no)
	_, err = p.Refund(t.Context(), refundOf(c, "r2", 900))
	require.NoError(t, err)
	require.Zero(t, p.Totals().Kept("EUR"))
}

func TestTheTimeoutTokenTakesTheMoneyButAnswersLate(t *testing.T) {
	for _, late := range []int{1, 2, 3} {
		synctest.Test(t, func(t *testing.T) {
			p := provider.New(provider.Config{LateAnswers: late})
			for n := range late {
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
				_, err := p.Capture(ctx, request("a", provider.TimesOut))
				cancel()
				require.ErrorIs(t, err, context.DeadlineExceeded, "answer %d", n+1)
				require.EqualValues(t, 4900, p.Totals().Kept("EUR"), "the money is taken all the same")
			}
			start := time.Now()
			_, err := p.Capture(t.Context(), request("a", provider.TimesOut))
			require.NoError(t, err)
			require.Zero(t, time.Since(start))
			require.Equal(t, 1, p.Totals().Captures)
		})
	}
}

func TestLateAnswersAreOneOrTwoByTheKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := map[int]bool{}
		p := provider.New(provider.Config{LateBy: time.Second})
		for _, key := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
			late := 0
			for {
				start := time.Now()
				_, err := p.Capture(t.Context(), request(key, provider.TimesOut))
				require.NoError(t, err, "a patient caller gets the answer")
				if time.Since(start) < time.Second {
					break
				}
				late++
			}
			seen[late] = true
		}
		require.Equal(t, map[int]bool{1: true, 2: true}, seen)
	})
}

func TestLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := provider.New(provider.Config{Latency: 50 * time.Millisecond, SlowBy: 700 * time.Millisecond})
		for token, want := range map[gateway.Token]time.Duration{
			provider.Approved: 50 * time.Millisecond,
			provider.Declines: 50 * time.Millisecond,
			provider.Slow:     750 * time.Millisecond,
		} {
			start := time.Now()
			_, _ = p.Capture(t.Context(), request("key of "+string(token), token))
			require.Equal(t, want, time.Since(start))
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		_, err := p.Capture(ctx, request("impatient", provider.Approved))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		_, taken := p.CaptureOf("impatient")
		require.False(t, taken)
	})
}

func TestWhatIsForgottenStaysNamedAndRefundable(t *testing.T) {
	p := provider.New(provider.Config{Remember: 2})
	var captures []gateway.Capture
	for _, key := range []string{"a", "b", "c"} {
		c, err := p.Capture(t.Context(), request(key, provider.Approved))
		require.NoError(t, err)
		captures = append(captures, c)
	}
	_, ok := p.CaptureOf("a")
	require.False(t, ok)
	require.Len(t, p.Captures(), 2)
	require.Equal(t, 3, p.Totals().Captures)

	started := provider.New(provider.Config{})
	c, err := started.Capture(t.Context(), request("a", provider.Approved))
	require.NoError(t, err)
	require.Equal(t, captures[0], c)
	for range 2 {
		_, err = p.Refund(t.Context(), refundOf(captures[0], "r", 4900))
		require.NoError(t, err)
	}
	require.Equal(t, 1, p.Totals().Refunds)
}
