package bus

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// DefaultRetryLevels are the delays between the attempts of a failing message.
func DefaultRetryLevels() []time.Duration {
	return []time.Duration{250 * time.Millisecond, time.Second, 5 * time.Second, 30 * time.Second}
}

// retryPolicy turns a handler's error into a verdict.
type retryPolicy struct {
	levels      []time.Duration // ascending
	maxAttempts int
}

// verdict judges the n-th attempt, n from 1. ctx is the delivery's.
func (p retryPolicy) verdict(ctx context.Context, attempt int, err error) Verdict {
	if err == nil {
		return Verdict{Action: Ack}
	}
	if cause := context.Cause(ctx); errors.Is(cause, ErrSessionLost) || errors.Is(cause, ErrStopped) {
		return Verdict{Action: Requeue, Err: err}
	}
	d := directiveOf(err)
	if d.action != RetryLater {
		return Verdict{Action: d.action, Err: err}
	}
	if attempt >= p.maxAttempts || len(p.levels) == 0 {
		return Verdict{Action: Park, Err: fmt.Errorf("%w: attempt %d: %w", ErrExhausted, attempt, err)}
	}
	return Verdict{Action: RetryLater, Level: p.level(attempt, d.delay), Err: err}
}

// level returns the level to wait at after the n-th attempt: the n-th one, or
// the shortest that is no shorter than the delay the handler asked for.
func (p retryPolicy) level(attempt int, delay time.Duration) int {
	last := len(p.levels) - 1
	if delay <= 0 {
		return min(attempt-1, last)
	}
	for i, level := range p.levels {
		if level >= delay {
			return i
		}
	}
	return last
}
