package order

import (
	"context"
	"database/sql"
	"time"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
)

// cancelRequest is a customer's wish to cancel.
type cancelRequest struct {
	reason    string
	requested time.Time
}

// endedError: an order can't be canceled any more.
type endedError struct {
	status Status
	// refused is what delivery answered to an earlier request, where it did.
	refused string
}

// Error says why.
func (e *endedError) Error() string {
	if e.status == Placed {
		return "the parcel is on its way out; delivery refused to cancel: " + e.refused
	}
	return "the order is " + string(e.status)
}

// cancel asks for an order to be canceled, once. Asked again while the answer
// is pending it returns the first request. It returns an [endedError] for an
// order that can't be canceled any more, and errUnknownOrder for none at all.
//
// The event goes into the order's own flow and trace, and is linked to the span
// of ctx.
func (s *service) cancel(ctx context.Context, id, reason string) (cancelRequest, bus.Flow, error) {
	var (
		request cancelRequest
		flow    bus.Flow
	)
	err := s.outbox.Transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
		exists, err := lockOrder(ctx, tx, id)
		if err != nil {
			return err
		}
		if !exists {
			return errUnknownOrder
		}
		o, err := orderByID(ctx, tx, id)
		if err != nil {
			return err
		}
		flow = o.flow
		facts, err := factsOf(ctx, tx, id)
		if err != nil {
			return err
		}
		if ended := endedBy(facts); ended != nil {
			return ended
		}
		if earlier, asked := cancelRequestIn(facts); asked {
			request = earlier
			return nil
		}
		request = cancelRequest{reason: reason, requested: time.Now().UTC()}
		return s.requestCancel(bus.WithFlow(ctx, flow), tx, o, request)
	})
	return request, flow, err
}

// requestCancel stores the request, as a fact, and publishes it. The order is
// locked, so that no other request does the same.
func (s *service) requestCancel(ctx context.Context, tx *sql.Tx, o row, r cancelRequest) error {
	e := event.New(orderCancelRequested, cancelRequested{OrderID: o.id, CustomerEmail: o.customerEmail, Reason: r.reason}).WithSubject(o.id)
	e.ID, e.Source, e.Time = event.NewID(), Name, r.requested
	if err := insertFact(ctx, tx, factOf(o.id, e, Detail{Reason: r.reason})); err != nil {
		return err
	}
	if _, err := refreshStatus(ctx, tx, o.id); err != nil {
		return err
	}
	return s.outbox.Publish(ctx, e)
}

// endedBy returns why an order with these facts can't be canceled any more, or
// nil.
func endedBy(facts []fact) error {
	status := statusOf(facts)
	refused := ""
	for _, f := range facts {
		if f.eventType == orderCancelRefused {
			refused = f.detail.Reason
			if refused == "" {
				refused = "no reason given"
			}
		}
	}
	if status.Ended() || refused != "" {
		return &endedError{status: status, refused: refused}
	}
	return nil
}

// cancelRequestIn returns the cancel request among facts.
func cancelRequestIn(facts []fact) (_ cancelRequest, asked bool) {
	for _, f := range facts {
		if f.eventType == orderCancelRequested {
			return cancelRequest{reason: f.detail.Reason, requested: f.occurred}, true
		}
	}
	return cancelRequest{}, false
}
