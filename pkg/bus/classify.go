package bus

import (
	"context"
	"errors"

	"github.com/laban-io/laban/pkg/event"
)

// Classify lets a service say once which of its errors no retry can mend. An
// error that is one of them (by [errors.Is]) parks the message, unless the
// handler itself said what it means.
func Classify(permanent ...error) Middleware {
	return func(next Handler) Handler {
		return HandlerFunc(func(ctx context.Context, e event.Event) error {
			err := next.Handle(ctx, e)
			if err == nil {
				return nil
			}
			var said *directive
			if errors.As(err, &said) {
				return err
			}
			for _, p := range permanent {
				if errors.Is(err, p) {
					return Permanent(err)
				}
			}
			return err
		})
	}
}
