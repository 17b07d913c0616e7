package main

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"sync"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/pkg/membus"
)

// run opens the shop until ctx ends.
func run(ctx context.Context, log *slog.Logger) error {
	broker := membus.New(membus.Config{})
	defer broker.Close()
	shop, err := bus.New(bus.Config{Service: "shop", Emits: []string{orderPlaced}, Logger: log}, broker.Connect())
	if err != nil {
		return err
	}
	crew := []*bus.Bus{shop}
	for service, setUp := range map[string]func(*bus.Bus){
		"inventory": func(b *bus.Bus) { inventory(b, misspelt) },
		"payment":   payment, "delivery": delivery,
		"notification": func(b *bus.Bus) { notification(b, log) },
	} {
		b, err := bus.New(bus.Config{Service: service, Logger: log}, broker.Connect())
		if err != nil {
			return err
		}
		setUp(b)
		crew = append(crew, b)
	}
	var running sync.WaitGroup
	errs := make([]error, len(crew))
	for i, b := range crew {
		running.Go(func() { errs[i] = b.Run(ctx) })
	}
	for n := range 9 {
		id := strconv.Itoa(n + 1)
		card := "good"
		if (n+1)%3 == 0 {
			card = declinedCard
		}
		flow, _ := shop.StartFlow(ctx, "tutorial", id)
		if err := shop.Publish(flow, event.New(orderPlaced, order{ID: id, Quantity: 1, Card: card})); err != nil {
			return err
		}
	}
	running.Wait()
	return errors.Join(errs...)
}
