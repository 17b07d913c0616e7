package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/laban-io/laban/internal/observer/source"
	"github.com/laban-io/laban/pkg/amqpbus"
	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/pkg/membus"
)

// run opens the shop and places orders until ctx ends, or all have.
func run(ctx context.Context, o options) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := &shop{options: o, log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := s.open(ctx); err != nil {
		return err
	}
	w, err := s.observe(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.stop()) }()
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	failed := make(chan error, len(s.crew))
	for _, b := range s.crew {
		running.Go(func() { failed <- b.Run(ctx) })
	}
	if err := s.awaitCrew(ctx); err != nil {
		return err
	}
	w.opening(s)
	placing := make(chan error, 1)
	running.Go(func() { placing <- s.place(ctx) })
	for {
		select {
		case <-ctx.Done():
			w.conclude()
			return context.Cause(ctx)
		case err := <-failed:
			return errors.Join(errors.New("a service ended"), err)
		case err := <-placing:
			if err != nil {
				return err
			}
			placing = nil // go on serving the observer
		case t, ok := <-w.transitions:
			if !ok {
				return errors.Join(errors.New("the observer ended"), w.stop())
			}
			w.tell(&t)
			if o.exit && w.ended+len(w.stopped) == o.orders {
				w.conclude()
				return nil
			}
		}
	}
}

// shop is four services and whoever places orders.
type shop struct {
	options
	log        *slog.Logger
	broker     *membus.Broker // nil on RabbitMQ
	transports []bus.Transport
	crew       []*bus.Bus
	front      *bus.Bus // where orders are placed
}

// service connects one service.
func (s *shop) service(ctx context.Context, name string, emits ...string) (*bus.Bus, error) {
	transport, err := s.connect(ctx, name)
	if err != nil {
		return nil, err
	}
	s.transports = append(s.transports, transport)
	b, err := bus.New(bus.Config{Service: name, Emits: emits, Logger: s.log, DrainTimeout: time.Second}, transport)
	if err == nil {
		s.crew = append(s.crew, b)
	}
	return b, err
}

func (s *shop) connect(ctx context.Context, name string) (bus.Transport, error) {
	if s.broker != nil {
		return s.broker.Connect(), nil
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return amqpbus.Open(ctx, amqpbus.Config{URLs: []string{s.amqp}, Name: "tutorial " + name, Logger: s.log})
}

// open connects the services, which do nothing yet.
func (s *shop) open(ctx context.Context) (err error) {
	if s.amqp == "" {
		s.broker = membus.New(membus.Config{})
	}
	heard := misspelt
	if s.fixed {
		heard = paymentRejected
	}
	told := []string{orderPlaced, paymentConfirmed, orderShipped}
	if s.nosy {
		told = []string{"#"}
	}
	for _, service := range []struct {
		name  string
		emits []string
		setUp func(*bus.Bus)
	}{
		{"inventory", []string{stockConfirmed, stockReturned}, func(b *bus.Bus) { inventory(b, heard) }},
		{"payment", []string{paymentConfirmed, paymentRejected}, payment},
		{"delivery", []string{orderShipped}, delivery},
		{"notification", nil, func(b *bus.Bus) { notification(b, s.log, told) }},
		{"shop", []string{orderPlaced}, func(b *bus.Bus) { s.front = b; front(b) }},
	} {
		b, err := s.service(ctx, service.name, service.emits...)
		if err != nil {
			return err
		}
		service.setUp(b)
	}
	return nil
}

// awaitCrew returns when every service receives events.
func (s *shop) awaitCrew(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 20*time.Second, errors.New("the services do not receive events yet"))
	defer cancel()
	for _, b := range s.crew {
		select {
		case <-b.Consuming():
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// close disconnects everything.
func (s *shop) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	var errs []error
	for _, t := range s.transports {
		errs = append(errs, t.Close(ctx))
	}
	if s.broker != nil {
		s.broker.Close()
	}
	return errors.Join(errs...)
}

// place places orders. Every third has a card that is declined.
func (s *shop) place(ctx context.Context) error {
	next := time.NewTimer(0)
	defer next.Stop()
	for n := 1; s.orders == 0 || n <= s.orders; n++ {
		select {
		case <-ctx.Done():
			return nil
		case <-next.C:
			next.Reset(s.every)
		}
		o := order{ID: strconv.Itoa(n), Quantity: 1, Card: "good"}
		if n%3 == 0 {
			o.Card = declinedCard
		}
		flow, _ := s.front.StartFlow(ctx, "tutorial", o.ID)
		if err := s.front.Publish(flow, event.New(orderPlaced, o)); err != nil && ctx.Err() == nil {
			return fmt.Errorf("place order %d: %w", n, err)
		}
	}
	return nil
}

// source is where the observer reads the log in memory; nil on RabbitMQ.
func (s *shop) source() source.Log {
	if s.broker == nil {
		return nil
	}
	return source.NewMemory(s.broker)
}
