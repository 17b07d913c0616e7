package chassis

import (
	"context"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// retry calls try until it returns nil, an error that is final, or ctx ends.
// Why it has not yet worked is in /readyz under check, and in the log.
func (p *process) retry(ctx context.Context, check string, try func() error) error {
	delays := backoff.NewExponentialBackOff()
	delays.InitialInterval = 200 * time.Millisecond
	delays.MaxInterval = 5 * time.Second
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		err := try()
		if err != nil {
			p.health.waiting(check, err)
		}
		return struct{}{}, err
	},
		backoff.WithBackOff(delays),
		backoff.WithMaxElapsedTime(0), // for ever: the process is of no use without it
		backoff.WithNotify(func(err error, next time.Duration) {
			p.log.WarnContext(ctx, "waiting; the service starts when this answers", "for", check,
				"error", err, "next_try_in", next.Round(time.Millisecond))
		}),
	)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// permanentIf marks err as one that no retry mends.
func permanentIf(final bool, err error) error {
	if final {
		return backoff.Permanent(err)
	}
	return err
}
