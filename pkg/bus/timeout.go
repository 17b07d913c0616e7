package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/laban-io/laban/pkg/event"
)

// Timeout ends the handler's context after d with cause [ErrHandlerTimeout],
// and makes the handler's error say so. It can't stop a handler that does not
// heed its context. Every handler of a [Bus] is wrapped by it.
func Timeout(d time.Duration) Middleware {
	return func(next Handler) Handler {
		return HandlerFunc(func(ctx context.Context, e event.Event) error {
			ctx, cancel := context.WithTimeoutCause(ctx, d, ErrHandlerTimeout)
			defer cancel()
			err := next.Handle(ctx, e)
			if err != nil && errors.Is(context.Cause(ctx), ErrHandlerTimeout) && !errors.Is(err, ErrHandlerTimeout) {
				return fmt.Errorf("%w after %v: %w", ErrHandlerTimeout, d, err)
			}
			return err
		})
	}
}
