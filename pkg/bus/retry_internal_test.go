package bus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/laban-io/laban/pkg/event"
)

func TestVerdict(t *testing.T) {
	boom := errors.New("boom")
	p := retryPolicy{levels: []time.Duration{time.Second, 5 * time.Second, 30 * time.Second}, maxAttempts: 5}
	for name, c := range map[string]struct {
		attempt int
		err     error
		action  Action
		level   int
	}{
		"fine":            {1, nil, Ack, 0},
		"fine at last":    {5, nil, Ack, 0},
		"first":           {1, boom, RetryLater, 0},
		"second":          {2, boom, RetryLater, 1},
		"third":           {3, boom, RetryLater, 2},
		"fourth":          {4, boom, RetryLater, 2},
		"last":            {5, boom, Park, 0},
		"beyond the last": {99, boom, Park, 0},

		"said":              {2, Retry(boom), RetryLater, 1},
		"delay":             {1, RetryAfter(boom, 5*time.Second), RetryLater, 1},
		"delay rounds up":   {1, RetryAfter(boom, 1001*time.Millisecond), RetryLater, 1},
		"short delay":       {4, RetryAfter(boom, time.Millisecond), RetryLater, 0},
		"too long a delay":  {1, RetryAfter(boom, time.Hour), RetryLater, 2},
		"no delay":          {2, RetryAfter(boom, 0), RetryLater, 1},
		"negative delay":    {2, RetryAfter(boom, -time.Second), RetryLater, 1},
		"delay at the last": {5, RetryAfter(boom, time.Second), Park, 0},
		"permanent":         {1, Permanent(boom), Park, 0},
		"dropped":           {1, Drop(boom), Discard, 0},
		"wrapped":           {1, fmt.Errorf("charge: %w", Permanent(boom)), Park, 0},
		"joined":            {1, errors.Join(boom, Drop(boom)), Discard, 0},
		"outermost wins":    {1, Retry(Permanent(boom)), RetryLater, 0},
		"data":              {1, fmt.Errorf("read: %w", event.ErrData), Park, 0},
		"malformed":         {1, event.ErrMalformed, Park, 0},
		"invalid":           {1, event.ErrInvalid, Park, 0},
		"undeclared":        {1, ErrUndeclared, Park, 0},
		"too large":         {1, ErrTooLarge, Park, 0},
		"no handler":        {1, ErrNoHandler, Park, 0},
		"data, overruled":   {1, Retry(event.ErrData), RetryLater, 0},
		"unconfirmed":       {1, ErrUnconfirmed, RetryLater, 0},
		"panic":             {1, &PanicError{Value: boom}, RetryLater, 0},
		"panic, permanent":  {1, &PanicError{Value: Permanent(boom)}, Park, 0},
	} {
		t.Run(name, func(t *testing.T) {
			v := p.verdict(context.Background(), c.attempt, c.err)
			require.Equal(t, c.action, v.Action)
			require.Equal(t, c.level, v.Level)
			if c.err != nil {
				require.ErrorIs(t, v.Err, c.err)
			}
			if c.action == Park && directiveOf(c.err).action == RetryLater {
				require.ErrorIs(t, v.Err, ErrExhausted)
				require.ErrorContains(t, v.Err, fmt.Sprintf("attempt %d", c.attempt))
			}
		})
	}
}

// What was cut off says nothing about the message.
func TestVerdictOfWhatWasCutOff(t *testing.T) {
	p := retryPolicy{levels: []time.Duration{time.Second}, maxAttempts: 1}
	for _, cause := range []error{ErrSessionLost, ErrStopped, fmt.Errorf("gone: %w", ErrSessionLost)} {
		ctx, cancel := context.WithCancelCause(context.Background())
		cancel(cause)
		require.Equal(t, Requeue, p.verdict(ctx, 7, errors.New("boom")).Action)
		require.Equal(t, Requeue, p.verdict(ctx, 1, Permanent(ctx.Err())).Action)
		require.Equal(t, Ack, p.verdict(ctx, 1, nil).Action, "what was done in spite of it is done")
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(ErrHandlerTimeout)
	require.Equal(t, Park, p.verdict(ctx, 1, ctx.Err()).Action, "a timeout is a failure like any other")
}

func TestVerdictWithoutLevels(t *testing.T) {
	v := retryPolicy{maxAttempts: 9}.verdict(context.Background(), 1, errors.New("boom"))
	require.Equal(t, Park, v.Action)
}

// A verdict never asks for a level that is not there, nor for a shorter delay
// than was asked for, unless there is no longer one.
func TestVerdictLevels(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		levels := rapid.SliceOfN(rapid.Int64Range(1, 10_000), 1, 6).Draw(t, "levels")
		slices.Sort(levels)
		p := retryPolicy{maxAttempts: rapid.IntRange(1, 10).Draw(t, "max attempts")}
		for _, l := range levels {
			p.levels = append(p.levels, time.Duration(l)*time.Millisecond)
		}
		attempt := rapid.IntRange(1, 12).Draw(t, "attempt")
		delay := time.Duration(rapid.Int64Range(-10, 12_000).Draw(t, "delay")) * time.Millisecond
		v := p.verdict(context.Background(), attempt, RetryAfter(errors.New("boom"), delay))
		if attempt >= p.maxAttempts {
			if v.Action != Park {
				t.Fatalf("attempt %d of %d: %v", attempt, p.maxAttempts, v.Action)
			}
			return
		}
		if v.Action != RetryLater || v.Level < 0 || v.Level >= len(p.levels) {
			t.Fatalf("%v at level %d of %d", v.Action, v.Level, len(p.levels))
		}
		last := len(p.levels) - 1
		got := p.levels[v.Level]
		switch {
		case delay <= 0:
			if v.Level != min(attempt-1, last) {
				t.Fatalf("level %d after attempt %d", v.Level, attempt)
			}
		case got < delay && v.Level != last:
			t.Fatalf("%v is shorter than %v", got, delay)
		case v.Level > 0 && p.levels[v.Level-1] >= delay:
			t.Fatalf("%v would have been enough for %v, not %v", p.levels[v.Level-1], delay, got)
		}
	})
}
