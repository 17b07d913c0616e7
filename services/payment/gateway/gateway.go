// Package gateway is what payment asks of a payment provider: to take money
// once, and to give it back once.
//
// It is the seam between the service and whoever moves the money. Package
// provider has a simulated one; an adapter for a real provider implements
// [Gateway] on that provider's API, whose idempotency keys do the rest.
package gateway

import (
	"context"
	"fmt"
	"log/slog"
)

// Gateway moves money. Both methods are idempotent by the request's
// IdempotencyKey: however often a request is made, money moves once, and every
// answer is the same. They are safe for concurrent use.
//
// An error is either a [*Declined], which is final, or means that nobody knows
// whether the money moved: ask again with the same key.
type Gateway interface {
	// Capture takes money.
	Capture(ctx context.Context, r CaptureRequest) (Capture, error)
	// Refund gives back what a capture took.
	Refund(ctx context.Context, r RefundRequest) (Refund, error)
}

// CaptureRequest asks to take Amount, in minor units of Currency (ISO 4217),
// from what Token stands for. Reference is what the provider's statement calls
// the payment: the order id.
type CaptureRequest struct {
	IdempotencyKey string
	Reference      string
	Token          Token
	Amount         int64
	Currency       string
}

// Capture is money that was taken.
type Capture struct {
	// ID is the provider's name for the capture; a refund needs it.
	ID string
}

// RefundRequest asks to give back Amount, in minor units of Currency, of a
// capture.
type RefundRequest struct {
	IdempotencyKey string
	Reference      string
	CaptureID      string
	Amount         int64
	Currency       string
}

// Refund is money that was given back.
type Refund struct {
	ID string
}

// Declined is the provider's final no. Asking again gives the same answer.
type Declined struct {
	// Reason is in words for the customer.
	Reason string
}

// Error says that the provider declined, and why.
func (d *Declined) Error() string { return fmt.Sprintf("the payment provider declined: %s", d.Reason) }

// Token stands for a means of payment. It is as good as money to whoever reads
// it, so it prints as a placeholder: in logs, spans and errors.
type Token string

const placeholder = "[redacted]"

// String returns a placeholder.
func (Token) String() string { return placeholder }

// GoString returns a placeholder.
func (Token) GoString() string { return placeholder }

// MarshalText returns a placeholder, also for JSON: a request that is logged or
// stored as a whole has no token in it. An adapter that has to send the token
// converts it to a string.
func (Token) MarshalText() ([]byte, error) { return []byte(placeholder), nil }

// LogValue returns a placeholder.
func (Token) LogValue() slog.Value { return slog.StringValue(placeholder) }
