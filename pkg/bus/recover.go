package bus

import (
	"context"
	"runtime/debug"

	"github.com/laban-io/laban/pkg/event"
)

// Recover turns a panic of the handler into a [PanicError], so that the
// message is retried and then parked, and its service lives on. Every handler
// of a [Bus] is wrapped by it.
func Recover() Middleware {
	return func(next Handler) Handler {
		return HandlerFunc(func(ctx context.Context, e event.Event) (err error) {
			defer func() {
				if v := recover(); v != nil {
					err = &PanicError{Value: v, Stack: debug.Stack()}
				}
			}()
			return next.Handle(ctx, e)
		})
	}
}
