package amqptrace

import (
	"errors"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/laban-io/laban/pkg/tracing/internal/messaging"
)

// errorType returns the error.type of err: for an error of AMQP the name that
// the specification gives its code.
//
// Source: AMQP 0-9-1 specification, section 1.2, "Constants".
func errorType(err error) string {
	var protocol *amqp.Error
	if errors.As(err, &protocol) {
		return protocolError(protocol)
	}
	return messaging.ErrorType(err, []messaging.Known{{Err: errPanic, Type: "panic"}})
}

func protocolError(err *amqp.Error) string {
	if errors.Is(err, amqp.ErrClosed) {
		return "closed"
	}
	switch err.Code {
	case amqp.ContentTooLarge:
		return "content-too-large"
	case amqp.NoRoute:
		return "no-route"
	case amqp.NoConsumers:
		return "no-consumers"
	case amqp.ConnectionForced:
		return "connection-forced"
	case amqp.InvalidPath:
		return "invalid-path"
	case amqp.AccessRefused:
		return "access-refused"
	case amqp.NotFound:
		return "not-found"
	case amqp.ResourceLocked:
		return "resource-locked"
	case amqp.PreconditionFailed:
		return "precondition-failed"
	case amqp.FrameError:
		return "frame-error"
	case amqp.SyntaxError:
		return "syntax-error"
	case amqp.CommandInvalid:
		return "command-invalid"
	case amqp.ChannelError:
		return "channel-error"
	case amqp.UnexpectedFrame:
		return "unexpected-frame"
	case amqp.ResourceError:
		return "resource-error"
	case amqp.NotAllowed:
		return "not-allowed"
	case amqp.NotImplemented:
		return "not-implemented"
	case amqp.InternalError:
		return "internal-error"
	default:
		return "_OTHER"
	}
}
