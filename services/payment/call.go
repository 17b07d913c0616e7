package payment

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/services/payment/gateway"
)

// answer is what the provider said; one field is set.
type answer struct {
	captureID string
	declined  string // why
	refundID  string
}

// call asks the provider, outside of any transaction. Its error says that
// nobody knows whether money moved, so that it has to be asked again.
func (h *handler) call(ctx context.Context, todo step, p payment, token gateway.Token) (*answer, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, h.callTimeout, errNoAnswer)
	defer cancel()
	if todo == refund {
		return h.askRefund(ctx, p)
	}
	return h.askCapture(ctx, p, token)
}

// errNoAnswer is the cause with which a call's context ends.
var errNoAnswer = errors.New("no answer within PAYMENT_CALL_TIMEOUT")

func (h *handler) askCapture(ctx context.Context, p payment, token gateway.Token) (*answer, error) {
	c, err := h.gateway.Capture(ctx, gateway.CaptureRequest{
		IdempotencyKey: p.known.stockConfirmed,
		Reference:      p.orderID,
		Token:          token,
		Amount:         p.amount,
		Currency:       p.currency,
	})
	var no *gateway.Declined
	switch {
	case errors.As(err, &no):
		return &answer{declined: cmp.Or(no.Reason, "the payment was declined")}, nil
	case err != nil:
		return nil, bus.Retry(fmt.Errorf("charge for order %s: %w", p.orderID, err))
	case c.ID == "":
		return nil, bus.Retry(fmt.Errorf("charge for order %s: the provider's answer has no capture id", p.orderID))
	default:
		return &answer{captureID: c.ID}, nil
	}
}

func (h *handler) askRefund(ctx context.Context, p payment) (*answer, error) {
	r, err := h.gateway.Refund(ctx, gateway.RefundRequest{
		// There is one refund for a capture, whichever event asks for it.
		IdempotencyKey: p.known.stockConfirmed + "/refund",
		Reference:      p.orderID,
		CaptureID:      p.captureID,
		Amount:         p.amount,
		Currency:       p.currency,
	})
	var no *gateway.Declined
	switch {
	case errors.As(err, &no):
		return nil, bus.Permanent(fmt.Errorf("refund capture %s of order %s: %w; somebody has to refund it with the provider by hand", p.captureID, p.orderID, err))
	case err != nil:
		return nil, bus.Retry(fmt.Errorf("refund capture %s of order %s: %w", p.captureID, p.orderID, err))
	case r.ID == "":
		return nil, bus.Retry(fmt.Errorf("refund capture %s of order %s: the provider's answer has no refund id", p.captureID, p.orderID))
	default:
		return &answer{refundID: r.ID}, nil
	}
}
