package chassis_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"testing/fstest"

	"github.com/laban-io/laban/internal/chassis"
	"github.com/laban-io/laban/pkg/amqpbus"
	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/pkg/membus"
)

// migrations are files in a real service: //go:embed migrations/*.sql.
var migrations = fstest.MapFS{"00001_points.sql": &fstest.MapFile{Data: []byte(`-- +goose Up
CREATE TABLE points (
    order_id TEXT   NOT NULL PRIMARY KEY,
    customer TEXT   NOT NULL,
    points   BIGINT NOT NULL
);
`)}}

// shipped is what this service reads of order.shipped.
type shipped struct {
	OrderID       string `json:"order_id"`
	CustomerEmail string `json:"customer_email"`
	Amount        int64  `json:"amount"`
}

// granted is the data of points.granted.
type granted struct {
	OrderID string `json:"order_id"`
	Points  int64  `json:"points"`
}

func Spec() chassis.Spec {
	return chassis.Spec{
		Name:        "loyalty",
		Summary:     "Grants points for what was shipped.",
		Emits:       []string{"points.granted"},
		Migrations:  migrations,
		DefaultAddr: "127.0.0.1:8086",
		Build:       build,
	}
}

func build(_ context.Context, p chassis.Parts) (chassis.Service, error) {
	grant := func(ctx context.Context, e event.Event, order shipped) error {
		return p.Outbox.Transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
			points := order.Amount / 100
			if _, err := tx.ExecContext(ctx, `INSERT INTO points (order_id, customer, points) VALUES ($1, $2, $3)`,
				order.OrderID, order.CustomerEmail, points); err != nil {
				return fmt.Errorf("grant points for order %s: %w", order.OrderID, err)
			}
			return p.Outbox.Publish(ctx, event.New("points.granted", granted{order.OrderID, points}))
		})
	}
	p.Bus.Handle(bus.Chain(bus.Typed(grant), p.Outbox.Inbox()), "order.shipped")
	return chassis.Service{}, nil
}

// Example runs a service on a broker and a database in memory, and sends it the
// same event twice.
func Example() {
	ctx, stop := context.WithCancel(context.Background())
	broker := membus.New(membus.Config{})
	defer broker.Close()

	started, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- chassis.Run(ctx, Spec(), chassis.Options{
			Transport:   broker.Connect(),
			DatabaseURL: "sqlite::memory:",
			Logger:      slog.New(slog.DiscardHandler),
			OnConsuming: func(chassis.Parts) { close(started) },
		})
	}()
	<-started

	delivery, err := bus.New(bus.Config{Service: "delivery", Logger: slog.New(slog.DiscardHandler)}, broker.Connect())
	if err != nil {
		panic(err)
	}
	e := event.New("order.shipped", shipped{OrderID: "1042", CustomerEmail: "ada@example.com", Amount: 3748})
	e.ID = event.NewID()
	if err := delivery.Publish(ctx, e, e); err != nil {
		panic(err)
	}

	// The log is what everybody has published.
	_ = broker.Connect().Tail(ctx, bus.First(), func(r bus.LogRecord) error {
		if r.Event.Type == "points.granted" {
			fmt.Println(r.Event.Source, r.Event.Type, string(r.Event.Data))
			stop() // by the inbox, there is no second one
		}
		return nil
	})
	fmt.Println("ended:", <-ended)
	// Output:
	// loyalty points.granted {"order_id":"1042","points":37}
	// ended: <nil>
}

// Example_busAlone is a service without the chassis, on RabbitMQ.
func Example_busAlone() {
	ctx := context.Background()
	transport, err := amqpbus.Open(ctx, amqpbus.Config{URLs: []string{"amqp://guest:guest@127.0.0.1:5672/"}})
	if err != nil {
		panic(err)
	}
	b, err := bus.New(bus.Config{Service: "loyalty", Emits: []string{"points.granted"}}, transport)
	if err != nil {
		panic(err)
	}
	b.Handle(bus.Typed(func(ctx context.Context, e event.Event, order shipped) error {
		return b.Publish(ctx, event.New("points.granted", granted{order.OrderID, order.Amount / 100}))
	}), "order.shipped")
	err = errors.Join(b.Run(ctx), transport.Close(context.WithoutCancel(ctx)))
	if err != nil {
		panic(err)
	}
}
