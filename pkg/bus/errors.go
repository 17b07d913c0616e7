package bus

import (
	"errors"
	"fmt"
	"time"

	"github.com/laban-io/laban/pkg/event"
)

// Errors of publishing.
var (
	// ErrUnconfirmed: the message was handed over, and the broker did not say
	// in time whether it has it. It may have arrived: publish it again with the
	// same id.
	ErrUnconfirmed = errors.New("publish was not confirmed in time")
	// ErrBlocked: the broker accepts no messages for now, because it is short
	// of memory or disk. The message was not sent.
	ErrBlocked = errors.New("the broker blocks publishers")
	// ErrUnreachable: no connection could be made in time. The message was not
	// sent.
	ErrUnreachable = errors.New("no connection to the broker")
	// ErrRejected: the broker refused the message, for one because a queue is
	// full.
	ErrRejected = errors.New("the broker rejected the message")
	// ErrUnroutable: the exchange took the message and no queue, not even the
	// log, did.
	ErrUnroutable = errors.New("no queue takes the message")
	// ErrTooLarge: the message is larger than the broker or the bus allows.
	ErrTooLarge = errors.New("message is too large")
	// ErrClosed: the transport was closed.
	ErrClosed = errors.New("the transport is closed")
	// ErrUndeclared: the service does not declare that it emits such an event.
	ErrUndeclared = errors.New("event type is not among those the service emits")
)

// Causes with which a handler's context can end.
var (
	// ErrSessionLost: the connection that a delivery came by is gone. The
	// broker hands the message out again.
	ErrSessionLost = errors.New("the session is lost")
	// ErrStopped: draining took longer than allowed.
	ErrStopped = errors.New("the consumer is stopped")
	// ErrHandlerTimeout: the handler took longer than allowed.
	ErrHandlerTimeout = errors.New("handler timed out")
)

// ErrHandlerExited is the error of a handler that ended its goroutine instead
// of returning, by [runtime.Goexit]; FailNow of package testing does so. It is
// retried and then parked.
var ErrHandlerExited = errors.New("the handler ended its goroutine (runtime.Goexit) instead of returning")

// Errors with which a message is parked.
var (
	// ErrNoHandler: the queue received an event that the service does not
	// handle; most likely a binding that an older version left behind.
	ErrNoHandler = errors.New("no handler for this event type")
	// ErrExhausted: every attempt failed.
	ErrExhausted = errors.New("all attempts failed")
)

// PanicError is the error of a handler that panicked.
type PanicError struct {
	Value any
	Stack []byte
}

// Error returns the panic's value without the stack.
func (e *PanicError) Error() string { return fmt.Sprintf("handler panicked: %v", e.Value) }

// Unwrap returns the panic's value if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// directive is an error that says what is to become of the message.
type directive struct {
	err    error
	action Action
	delay  time.Duration // for RetryLater; 0 means the default levels
}

func (d *directive) Error() string { return d.err.Error() }
func (d *directive) Unwrap() error { return d.err }

// Retry says that handling failed for now and is to be tried again at the next
// retry level. It is what every error without a directive means; use it to
// overrule one inside. Retry(nil) is nil.
func Retry(err error) error { return direct(err, RetryLater, 0) }

// RetryAfter says that handling failed for now and is to be tried again after
// the delay, rounded up to a retry level. RetryAfter(nil, …) is nil.
func RetryAfter(err error, delay time.Duration) error { return direct(err, RetryLater, delay) }

// Permanent says that trying again can't help: the message is parked at once.
// Permanent(nil) is nil.
func Permanent(err error) error { return direct(err, Park, 0) }

// Drop says that the message is to be forgotten; err says why, in the logs.
// Drop(nil) is nil.
func Drop(err error) error { return direct(err, Discard, 0) }

func direct(err error, action Action, delay time.Duration) error {
	if err == nil {
		return nil
	}
	return &directive{err: err, action: action, delay: delay}
}

// directiveOf returns what err says is to become of the message; the outermost
// directive wins.
func directiveOf(err error) directive {
	var d *directive
	if errors.As(err, &d) {
		return *d
	}
	for _, permanent := range [...]error{event.ErrData, event.ErrMalformed, event.ErrInvalid, ErrUndeclared, ErrTooLarge, ErrNoHandler} {
		if errors.Is(err, permanent) {
			return directive{action: Park}
		}
	}
	return directive{action: RetryLater}
}
