package payment

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
	"github.com/laban-io/laban/services/payment/gateway"
)

// handler reacts to events.
type handler struct {
	outbox      chassis.Outbox
	gateway     gateway.Gateway
	callTimeout time.Duration
	log         *slog.Logger
}

// react notes what the event tells of the order and does what follows from all
// that is known: transaction, call to the provider, transaction, until nothing
// is left to do. Each transaction leaves the order in a state from which a
// redelivery of the same event carries on.
func (h *handler) react(ctx context.Context, e event.Event, data heard) error {
	if err := data.check(e.Type); err != nil {
		return err
	}
	var said *answer
	for {
		todo, p, err := h.advance(ctx, e, data, said)
		if err != nil || todo == stay {
			return err
		}
		if said, err = h.call(ctx, todo, p, data.PaymentToken); err != nil {
			return err
		}
	}
}

// advance is one transaction. It notes the event, records what the provider
// said and publishes it, and does what can be done without the provider. It
// returns what the provider is to be asked next; where that is nothing, it has
// noted that the event was handled.
func (h *handler) advance(ctx context.Context, e event.Event, data heard, said *answer) (todo step, p payment, err error) {
	err = h.outbox.Transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
		var err error
		if p, err = note(ctx, tx, data.OrderID, told(e.Type, e.ID)); err != nil {
			return err
		}
		if e.Type == stockConfirmed && p.known.stockConfirmed != e.ID {
			return bus.Permanent(fmt.Errorf("stock for order %s was confirmed before, by event %s: an order is charged once; nothing is charged for this one",
				data.OrderID, p.known.stockConfirmed))
		}
		if said != nil {
			if err := h.record(ctx, tx, &p, data, *said); err != nil {
				return err
			}
		}
		todo = next(e.Type, p.known, p.charge, p.refunded())
		switch {
		case todo == reject:
			if err := h.reject(ctx, tx, &p, data, "the order was canceled"); err != nil {
				return err
			}
			todo = stay
		case todo == capture && p.charge == chargeNone:
			p.charge, p.amount, p.currency, p.customerEmail = chargeIntended, data.Amount, data.Currency, data.CustomerEmail
			if err := saveIntent(ctx, tx, p); err != nil {
				return err
			}
		}
		if todo != stay {
			return nil
		}
		_, err = h.outbox.Accept(ctx, e)
		return err
	})
	return todo, p, err
}

// record saves what the provider said and publishes it, unless somebody else
// who asked the same was faster.
func (h *handler) record(ctx context.Context, tx *sql.Tx, p *payment, data heard, said answer) error {
	switch {
	case said.captureID != "" && p.charge == chargeIntended:
		p.charge, p.captureID = chargeCaptured, said.captureID
		if err := saveCaptured(ctx, tx, p.orderID, p.captureID); err != nil {
			return err
		}
		h.say(ctx, "the customer is charged", "order_id", p.orderID, "capture_id", p.captureID)
		return h.publish(ctx, p, paymentConfirmed, confirmed{
			OrderID: p.orderID, CustomerEmail: data.CustomerEmail, Items: data.Items,
			Amount: p.amount, Currency: p.currency, ShipTo: data.ShipTo, CaptureID: p.captureID,
		})
	case said.declined != "" && p.charge == chargeIntended:
		return h.reject(ctx, tx, p, data, said.declined)
	case said.refundID != "" && p.charge == chargeCaptured && !p.refunded():
		p.refundID = said.refundID
		if err := saveRefunded(ctx, tx, p.orderID, p.refundID); err != nil {
			return err
		}
		h.say(ctx, "the customer is refunded", "order_id", p.orderID, "refund_id", p.refundID)
		return h.publish(ctx, p, refundProcessed, refunded{
			OrderID: p.orderID, CustomerEmail: p.customerEmail,
			Amount: p.amount, Currency: p.currency, RefundID: p.refundID,
		})
	default:
		return nil
	}
}

func (h *handler) reject(ctx context.Context, tx *sql.Tx, p *payment, data heard, reason string) error {
	p.charge = chargeRejected
	if err := saveRejected(ctx, tx, p.orderID, data.CustomerEmail, reason); err != nil {
		return err
	}
	h.say(ctx, "the customer is not charged", "order_id", p.orderID, "reason", reason)
	return h.publish(ctx, p, paymentRejected, rejected{
		OrderID: p.orderID, CustomerEmail: data.CustomerEmail, Reason: reason,
	})
}

func (h *handler) publish(ctx context.Context, p *payment, eventType string, data any) error {
	return h.outbox.Publish(ctx, event.New(eventType, data).WithSubject(p.orderID))
}

// say writes a line into the log, once what it says is committed.
func (h *handler) say(ctx context.Context, text string, args ...any) {
	outbox.AfterCommit(ctx, func() { h.log.InfoContext(ctx, text, args...) }) //nolint:sloglint // its callers' constants
}
