package delivery

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"time"

	"github.com/laban-io/laban/internal/chassis"
	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/pkg/outbox"
	"github.com/laban-io/laban/services/delivery/carrier"
)

// handler reacts to events.
type handler struct {
	outbox      chassis.Outbox
	carrier     carrier.Carrier
	callTimeout time.Duration
	log         *slog.Logger
}

// cancel answers a request to cancel. It runs inside the inbox's transaction,
// so that each request is answered once.
func (h *handler) cancel(ctx context.Context, e event.Event, request cancelRequest) error {
	if err := request.check(); err != nil {
		return err
	}
	return h.outbox.Transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
		s, err := noteCancel(ctx, tx, request.OrderID, e.ID)
		if err != nil {
			return err
		}
		if !mayCancel(s.state) {
			reason := refusal(s.state)
			h.say(ctx, "the order is not canceled", "order_id", s.orderID, "reason", reason)
			return h.publish(ctx, s.orderID, orderCancelRefused, cancelRefused{
				OrderID: s.orderID, CustomerEmail: request.CustomerEmail, Reason: reason,
			})
		}
		if err := saveCanceled(ctx, tx, s.orderID); err != nil {
			return err
		}
		h.say(ctx, "the order is canceled", "order_id", s.orderID)
		return h.publish(ctx, s.orderID, orderCanceled, canceled{
			OrderID: s.orderID, CustomerEmail: request.CustomerEmail,
		})
	})
}

// ship hands a paid order to the carrier: transaction, call, transaction. What
// ends the service in between leaves the intent, and the same event, which
// comes again, carries on.
func (h *handler) ship(ctx context.Context, e event.Event, order paid) error {
	if err := order.check(); err != nil {
		return err
	}
	due, err := h.intend(ctx, e, order)
	if err != nil || !due {
		return err
	}
	said, err := h.call(ctx, e, order)
	if err != nil {
		return err
	}
	return h.conclude(ctx, e, order, said)
}

// intend commits the intent to ship and tells whether the carrier is to be
// asked. Where it is not, it has noted that the event was handled.
func (h *handler) intend(ctx context.Context, e event.Event, order paid) (due bool, err error) {
	err = h.outbox.Transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
		s, err := notePaid(ctx, tx, order.OrderID, e.ID)
		if err != nil {
			return err
		}
		if s.paymentConfirmed != e.ID {
			return bus.Permanent(fmt.Errorf("payment for order %s was confirmed before, by event %s: an order is shipped once; nothing is shipped for this one",
				order.OrderID, s.paymentConfirmed))
		}
		if due = mustShip(s.state); due {
			return saveIntent(ctx, tx, order)
		}
		_, err = h.outbox.Accept(ctx, e)
		return err
	})
	return due, err
}

// conclude commits what the carrier said and publishes it, unless somebody else
// who asked the same was faster.
func (h *handler) conclude(ctx context.Context, e event.Event, order paid, said answer) error {
	return h.outbox.Transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
		s, err := notePaid(ctx, tx, order.OrderID, e.ID)
		if err != nil {
			return err
		}
		if s.state == stateShipping {
			if err := h.record(ctx, tx, order, said); err != nil {
				return err
			}
		}
		_, err = h.outbox.Accept(ctx, e)
		return err
	})
}

func (h *handler) record(ctx context.Context, tx *sql.Tx, order paid, said answer) error {
	if said.undeliverable != "" {
		if err := saveFailed(ctx, tx, order.OrderID, said.undeliverable); err != nil {
			return err
		}
		h.say(ctx, "the order can't be delivered", "order_id", order.OrderID, "reason", said.undeliverable)
		return h.publish(ctx, order.OrderID, deliveryFailed, failed{
			OrderID: order.OrderID, CustomerEmail: order.CustomerEmail, Reason: said.undeliverable,
		})
	}
	if err := saveShipped(ctx, tx, order.OrderID, said.trackingNumber); err != nil {
		return err
	}
	h.say(ctx, "the order is shipped", "order_id", order.OrderID, "tracking_number", said.trackingNumber)
	return h.publish(ctx, order.OrderID, orderShipped, shipped{
		OrderID: order.OrderID, CustomerEmail: order.CustomerEmail, TrackingNumber: said.trackingNumber,
		Amount: order.Amount, Currency: order.Currency, Items: order.Items,
	})
}

func (h *handler) publish(ctx context.Context, orderID, eventType string, data any) error {
	return h.outbox.Publish(ctx, event.New(eventType, data).WithSubject(orderID))
}

// say writes a line into the log, once what it says is committed.
func (h *handler) say(ctx context.Context, text string, args ...any) {
	outbox.AfterCommit(ctx, func() { h.log.InfoContext(ctx, text, args...) }) //nolint:sloglint // its callers' constants
}
