package chassis_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"testing/fstest"

	"golang.org/x/sync/errgroup"

	"github.com/laban-io/laban/internal/chassis"
	"github.com/laban-io/laban/internal/database"
	"github.com/laban-io/laban/pkg/amqpbus"
	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/pkg/membus"
	"github.com/laban-io/laban/pkg/outbox"
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

// serve is the same service in a module of its own: the bus and the outbox,
// without the chassis.
func serve(ctx context.Context, db *sql.DB, transport bus.Transport) error {
	b, err := bus.New(bus.Config{Service: "loyalty", Emits: []string{"points.granted"}}, transport)
	if err != nil {
		return err
	}
	ob, err := outbox.New(db, outbox.SQLite, b, outbox.Config{})
	if err != nil {
		return err
	}
	if err := ob.Migrate(ctx); err != nil { // the tables outbox and inbox, beside your own
		return err
	}
	grant := func(ctx context.Context, e event.Event, order shipped) error {
		tx, _ := outbox.TxFrom(ctx) // Inbox has begun it
		points := order.Amount / 100
		if _, err := tx.ExecContext(ctx, `INSERT INTO points (order_id, customer, points) VALUES ($1, $2, $3)`,
			order.OrderID, order.CustomerEmail, points); err != nil {
			return fmt.Errorf("grant points for order %s: %w", order.OrderID, err)
		}
		return ob.Publish(ctx, event.New("points.granted", granted{order.OrderID, points}))
	}
	b.Handle(bus.Chain(bus.Typed(grant), ob.Inbox()), "order.shipped")

	work, ctx := errgroup.WithContext(ctx)
	work.Go(func() error { return b.Run(ctx) })  // until ctx ends; then drains
	work.Go(func() error { return ob.Run(ctx) }) // the relay
	return errors.Join(work.Wait(), transport.Close(context.WithoutCancel(ctx)))
}

// Example_outboxAlone runs it, and sends it the same event twice.
func Example_outboxAlone() {
	ctx, stop := context.WithCancel(context.Background())
	broker := membus.New(membus.Config{})
	defer broker.Close()
	db, _, err := database.Open(ctx, "sqlite::memory:")
	if err != nil {
		panic(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.ExecContext(ctx, `CREATE TABLE points (order_id TEXT NOT NULL PRIMARY KEY, customer TEXT NOT NULL, points BIGINT NOT NULL)`); err != nil {
		panic(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, db, broker.Connect()) }()

	delivery, err := bus.New(bus.Config{Service: "delivery", Logger: slog.New(slog.DiscardHandler)}, broker.Connect())
	if err != nil {
		panic(err)
	}
	e := event.New("order.shipped", shipped{OrderID: "1042", CustomerEmail: "ada@example.com", Amount: 3748})
	e.ID = event.NewID()
	_ = broker.Connect().Tail(ctx, bus.First(), func(r bus.LogRecord) error {
		switch r.Event.Type {
		case "points.granted":
			fmt.Println(r.Event.Source, r.Event.Type, string(r.Event.Data))
			stop()
		case bus.AnnouncementType: // it hears what comes from now on
			return delivery.Publish(ctx, e, e)
		}
		return nil
	})
	fmt.Println("ended:", <-ended)
	// Output:
	// loyalty points.granted {"order_id":"1042","points":37}
	// ended: <nil>
}
