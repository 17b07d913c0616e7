package main

import (
	"context"
	"log/slog"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
)

// The events, as the tutorial's services write them.
const (
	orderPlaced      = "orderPlaced"
	stockConfirmed   = "stockConfirmed"
	stockReturned    = "stockReturned"
	paymentConfirmed = "paymentConfirmed"
	paymentRejected  = "paymentRejected"
	orderShipped     = "orderShipped"
)

// misspelt is what inventory listens for. Nobody emits it.
const misspelt = "PaymentRejected"

// order is the data of every event.
type order struct {
	ID       string `json:"id"`
	Quantity int    `json:"quantity"`
	Card     string `json:"card"`
}

// inventory keeps stock back for an order, and returns it where the payment
// was rejected. heard is what it takes for that event.
func inventory(b *bus.Bus, heard string) {
	b.Handle(answer(b, stockConfirmed), orderPlaced)
	b.Handle(answer(b, stockReturned), heard)
}

// payment charges the card.
func payment(b *bus.Bus) {
	b.Handle(bus.Typed(func(ctx context.Context, _ event.Event, o order) error {
		if o.Card == declinedCard {
			return b.Publish(ctx, event.New(paymentRejected, o))
		}
		return b.Publish(ctx, event.New(paymentConfirmed, o))
	}), stockConfirmed)
}

// delivery ships what was paid.
func delivery(b *bus.Bus) {
	b.Handle(answer(b, orderShipped), paymentConfirmed)
}

// front is where customers place orders. It hears how they end.
func front(b *bus.Bus) {
	b.HandleFunc(func(context.Context, event.Event) error { return nil }, stockReturned, orderShipped)
}

// notification tells the customer of what it listens to.
func notification(b *bus.Bus, log *slog.Logger, listensTo []string) {
	b.Handle(bus.Typed(func(_ context.Context, e event.Event, o order) error {
		log.Debug("the customer is told", "order", o.ID, "event", e.Type)
		return nil
	}), listensTo...)
}

// answer emits one event for another, about the same order.
func answer(b *bus.Bus, eventType string) bus.Handler {
	return bus.Typed(func(ctx context.Context, _ event.Event, o order) error {
		return b.Publish(ctx, event.New(eventType, o))
	})
}

// declinedCard is one that the bank declines.
const declinedCard = "declined"
