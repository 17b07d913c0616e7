package tracing

import (
	"context"
	"errors"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/pkg/tracing/internal/messaging"
)

// errorTypes are the bus's errors as error.type names them. The order matters:
// what says most comes first, since one error may be several of them.
func errorTypes() []messaging.Known {
	return []messaging.Known{
		{Err: bus.ErrSessionLost, Type: "session_lost"},
		{Err: bus.ErrStopped, Type: "stopped"},
		{Err: bus.ErrHandlerTimeout, Type: "handler_timeout"},
		{Err: bus.ErrHandlerExited, Type: "handler_exited"},
		{Err: bus.ErrNoHandler, Type: "no_handler"},
		{Err: bus.ErrUndeclared, Type: "undeclared"},
		{Err: bus.ErrTooLarge, Type: "too_large"},
		{Err: event.ErrMalformed, Type: "malformed"},
		{Err: event.ErrInvalid, Type: "invalid_event"},
		{Err: event.ErrData, Type: "data"},
		{Err: bus.ErrUnroutable, Type: "unroutable"},
		{Err: bus.ErrRejected, Type: "rejected"},
		{Err: bus.ErrBlocked, Type: "blocked"},
		{Err: bus.ErrUnreachable, Type: "unreachable"},
		{Err: bus.ErrUnconfirmed, Type: "unconfirmed"},
		{Err: bus.ErrClosed, Type: "closed"},
	}
}

// errorType returns the error.type of err, or "" for none.
func errorType(err error) string {
	if err == nil {
		return ""
	}
	var panicked *bus.PanicError
	if errors.As(err, &panicked) {
		return "panic"
	}
	return messaging.ErrorType(err, errorTypes())
}

// errorTypeOf returns the error.type of a delivery that was not processed. The
// handler of one that was cut off may have returned anything; why it was cut
// off is the cause of its context.
func errorTypeOf(ctx context.Context, v bus.Verdict) string {
	if v.Action == bus.Requeue {
		if t := errorType(context.Cause(ctx)); t != "" {
			return t
		}
	}
	if t := errorType(v.Err); t != "" {
		return t
	}
	return "_OTHER"
}
