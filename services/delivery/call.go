package delivery

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/services/delivery/carrier"
)

// answer is what the carrier said; one field is set.
type answer struct {
	trackingNumber string
	undeliverable  string // why
}

// errNoAnswer is the cause with which a call's context ends.
var errNoAnswer = errors.New("no answer within DELIVERY_CALL_TIMEOUT")

// call asks the carrier, outside of any transaction. Its error says that nobody
// knows whether the carrier has the parcel, so that it has to be asked again.
func (h *handler) call(ctx context.Context, e event.Event, order paid) (answer, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, h.callTimeout, errNoAnswer)
	defer cancel()
	s, err := h.carrier.Ship(ctx, carrier.Request{
		IdempotencyKey: e.ID,
		Reference:      order.OrderID,
		ShipTo:         order.ShipTo,
	})
	var no *carrier.Undeliverable
	switch {
	case errors.As(err, &no):
		return answer{undeliverable: cmp.Or(no.Reason, "the carrier can't deliver to this address")}, nil
	case err != nil:
		return answer{}, bus.Retry(fmt.Errorf("ship order %s: %w", order.OrderID, err))
	case s.TrackingNumber == "":
		return answer{}, bus.Retry(fmt.Errorf("ship order %s: the carrier's answer has no tracking number", order.OrderID))
	default:
		return answer{trackingNumber: s.TrackingNumber}, nil
	}
}
