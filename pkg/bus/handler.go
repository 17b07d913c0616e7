package bus

import (
	"context"

	"github.com/laban-io/laban/pkg/event"
)

// Handler reacts to events. Its error says what becomes of the message, see
// [Retry], [RetryAfter], [Permanent] and [Drop]. A handler may be called again
// for an event that it has handled before.
type Handler interface {
	Handle(ctx context.Context, e event.Event) error
}

// HandlerFunc is a function that is a [Handler].
type HandlerFunc func(ctx context.Context, e event.Event) error

// Handle calls f.
func (f HandlerFunc) Handle(ctx context.Context, e event.Event) error { return f(ctx, e) }

// Typed returns a handler that decodes the event's JSON data into a T first.
// An event whose data can't be decoded is parked.
func Typed[T any](f func(ctx context.Context, e event.Event, data T) error) Handler {
	return HandlerFunc(func(ctx context.Context, e event.Event) error {
		var data T
		if err := e.Decode(&data); err != nil {
			return err
		}
		return f(ctx, e, data)
	})
}

// Middleware wraps a handler with something that concerns many of them.
type Middleware func(Handler) Handler

// Chain returns h wrapped by the middlewares, the first one outermost.
func Chain(h Handler, middlewares ...Middleware) Handler {
	for i := len(middlewares) - 1; i >= 0; i-- {
		h = middlewares[i](h)
	}
	return h
}
