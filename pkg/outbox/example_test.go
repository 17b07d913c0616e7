package outbox_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/laban-io/laban/internal/database"
	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/pkg/membus"
	"github.com/laban-io/laban/pkg/outbox"
)

// shop is what the examples share: a database, a broker and an outbox.
type shop struct {
	db     *sql.DB
	broker *membus.Broker
	bus    *bus.Bus
	outbox *outbox.Outbox
}

func openShop(ctx context.Context) *shop {
	db, dialect, err := database.Open(ctx, "sqlite::memory:")
	if err != nil {
		panic(err)
	}
	if _, err := db.ExecContext(ctx, "CREATE TABLE orders (id TEXT PRIMARY KEY, status TEXT NOT NULL)"); err != nil {
		panic(err)
	}
	broker := membus.New(membus.Config{})
	b, err := bus.New(bus.Config{Service: "shop"}, broker.Connect())
	if err != nil {
		panic(err)
	}
	ob, err := outbox.New(db, dialect, b, outbox.Config{})
	if err != nil {
		panic(err)
	}
	if err := ob.Migrate(ctx); err != nil {
		panic(err)
	}
	return &shop{db, broker, b, ob}
}

func (s *shop) close() {
	s.broker.Close()
	_ = s.db.Close()
}

// An order and the event that tells of it are stored together, or not at all.
func ExampleOutbox_Transact() {
	ctx := context.Background()
	s := openShop(ctx)
	defer s.close()

	place := func(id string, pay func() error) error {
		return s.outbox.Transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
			if _, err := tx.ExecContext(ctx, "INSERT INTO orders (id, status) VALUES ($1, $2)", id, "placed"); err != nil {
				return err
			}
			if err := s.outbox.Publish(ctx, event.New("order.placed", map[string]string{"order_id": id})); err != nil {
				return err
			}
			return pay()
		})
	}
	fmt.Println("1042:", place("1042", func() error { return nil }))
	fmt.Println("1043:", place("1043", func() error { return errors.New("no payment token") }))

	stats, err := s.outbox.Stats(ctx)
	if err != nil {
		panic(err)
	}
	fmt.Println("events to publish:", stats.Backlog)
	// Output:
	// 1042: <nil>
	// 1043: no payment token
	// events to publish: 1
}

// The relay runs beside the service, and publishes what is left before it
// returns.
func ExampleOutbox_Run() {
	ctx, stop := context.WithCancel(context.Background())
	s := openShop(ctx)
	defer s.close()

	relayed := make(chan error, 1)
	go func() { relayed <- s.outbox.Run(ctx) }()

	err := s.outbox.Transact(ctx, func(ctx context.Context, _ *sql.Tx) error {
		return s.outbox.Publish(ctx, event.New("order.placed", nil))
	})
	if err != nil {
		panic(err)
	}
	stop()
	fmt.Println("relay:", <-relayed)
	stats, err := s.outbox.Stats(context.Background())
	if err != nil {
		panic(err)
	}
	fmt.Println("events to publish:", stats.Backlog)
	// Output:
	// relay: <nil>
	// events to publish: 0
}

// A message that comes twice has its effect once.
func ExampleOutbox_Inbox() {
	ctx := context.Background()
	s := openShop(ctx)
	defer s.close()

	handler := s.outbox.Inbox()(bus.HandlerFunc(func(ctx context.Context, e event.Event) error {
		fmt.Println("handling", e.Type)
		tx, _ := outbox.TxFrom(ctx)
		if _, err := tx.ExecContext(ctx, "INSERT INTO orders (id, status) VALUES ($1, $2)", e.Subject, "reserved"); err != nil {
			return err
		}
		return s.outbox.Publish(ctx, event.New("stock.confirmed", nil).WithSubject(e.Subject))
	}))

	e := event.Event{ID: "01J", Source: "order", Type: "order.placed", Subject: "1042", Time: time.Now()}
	fmt.Println(handler.Handle(ctx, e))
	fmt.Println(handler.Handle(ctx, e)) // it came again
	// Output:
	// handling order.placed
	// <nil>
	// <nil>
}

// A handler that calls the outside does so between two transactions. Whatever
// it dies between, the next attempt goes on: the provider knows the id.
func ExampleOutbox_Accept() {
	ctx := context.Background()
	s := openShop(ctx)
	defer s.close()

	capture := func(idempotencyKey string) string { // the payment provider
		fmt.Println("capture under", idempotencyKey)
		return "capture-1"
	}
	handle := func(ctx context.Context, e event.Event) error {
		if seen, err := s.outbox.Seen(ctx, e); err != nil || seen {
			return err
		}
		err := s.outbox.Transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, "INSERT INTO orders (id, status) VALUES ($1, 'to be captured') ON CONFLICT (id) DO NOTHING", e.Subject)
			return err
		})
		if err != nil {
			return err
		}
		result := capture(e.ID)
		return s.outbox.Transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
			first, err := s.outbox.Accept(ctx, e)
			if err != nil || !first {
				return err
			}
			if _, err := tx.ExecContext(ctx, "UPDATE orders SET status = 'captured' WHERE id = $1", e.Subject); err != nil {
				return err
			}
			return s.outbox.Publish(ctx, event.New("payment.confirmed", map[string]string{"capture_id": result}))
		})
	}

	e := event.Event{ID: "01J", Source: "inventory", Type: "stock.confirmed", Subject: "1042", Time: time.Now()}
	fmt.Println(handle(ctx, e))
	fmt.Println(handle(ctx, e))
	// Output:
	// capture under 01J
	// <nil>
	// <nil>
}
