package messaging

import (
	"context"
	"errors"
	"net"

	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

// Known is an error and the error.type it is reported as.
type Known struct {
	Err  error
	Type string
}

// ErrorType returns the error.type of err: that of the first of known that err
// is, the answer of the error's own ErrorType method, "canceled" or "timeout",
// and "_OTHER" for anything else. Types of Go say nothing to whoever reads a
// dashboard and could be any number, so none is reported.
func ErrorType(err error, known []Known) string {
	if err == nil {
		return ""
	}
	for _, k := range known {
		if errors.Is(err, k.Err) {
			return k.Type
		}
	}
	var typed interface{ ErrorType() string }
	if errors.As(err, &typed) {
		if t := typed.ErrorType(); t != "" {
			return clean(t)
		}
	}
	var network net.Error
	switch {
	case errors.Is(err, context.Canceled):
		return "canceled"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return "timeout"
	}
	return semconv.ErrorTypeOther.Value.AsString()
}
