package order

import (
	"context"
	"embed"
	"io/fs"

	"github.com/laban-io/laban/internal/chassis"
	"github.com/laban-io/laban/pkg/bus"
)

// Name is the service's name.
const Name = "order"

// FlowName is the name of the choreography that an order is a run of.
const FlowName = "order"

// Emits returns the event types that the service publishes.
func Emits() []string { return []string{orderPlaced, orderCancelRequested} }

//go:embed migrations/*.sql
var embedded embed.FS

// Migrations returns the migrations of the service's database.
func Migrations() fs.FS {
	sub, err := fs.Sub(embedded, "migrations")
	if err != nil {
		panic(err) //nolint:forbidigo // the name is a constant and valid
	}
	return sub
}

// Spec describes the service to the chassis.
func Spec() chassis.Spec {
	return chassis.Spec{
		Name:        Name,
		Summary:     "Takes orders over HTTP and knows what became of each.",
		Emits:       Emits(),
		Migrations:  Migrations(),
		DefaultAddr: "127.0.0.1:8081",
		Build:       build,
	}
}

func build(_ context.Context, p chassis.Parts) (chassis.Service, error) {
	s := &service{
		db:     p.DB,
		bus:    p.Bus,
		outbox: p.Outbox,
		log:    p.Logger,
	}
	p.Bus.Handle(bus.Chain(bus.Typed(s.react), p.Outbox.Inbox()), heardTypes()...)
	api, err := newAPI(s, p.Version)
	if err != nil {
		return chassis.Service{}, err
	}
	return chassis.Service{HTTP: api}, nil
}
