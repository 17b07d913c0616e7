package inventory

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync/atomic"

	"github.com/laban-io/laban/internal/chassis"
	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/pkg/outbox"
)

// Name is the service's name.
const Name = "inventory"

// Emits returns the event types that the service publishes.
func Emits() []string { return []string{stockConfirmed, stockRejected, stockReturned} }

// Settings are the service's own settings.
type Settings struct {
	Stock string `env:"INVENTORY_STOCK" envDefault:"mug=100000,teapot=100000,lamp=100000" help:"initial stock of SKUs that are not in the database yet, as sku=quantity,sku=quantity"`
}

// Validate says what of the settings can't work.
func (s *Settings) Validate() error {
	_, err := parseStock(s.Stock)
	return err
}

//go:embed migrations/*.sql
var embedded embed.FS

// Inventory is one instance of the service. Make one with [New] and give its
// [Inventory.Spec] to the chassis. Its methods are safe for concurrent use.
type Inventory struct {
	settings Settings
	db       atomic.Pointer[sql.DB]
}

// New returns an inventory that is not running yet.
func New(s Settings) *Inventory { return &Inventory{settings: s} }

// Spec describes the service to the chassis. It may run once.
func (i *Inventory) Spec() chassis.Spec {
	return chassis.Spec{
		Name:        Name,
		Summary:     "Keeps stock: reserves what orders ask for and takes it back when they end without being shipped.",
		Emits:       Emits(),
		Migrations:  Migrations(),
		DefaultAddr: "127.0.0.1:8082",
		Settings:    &i.settings,
		Build:       i.build,
	}
}

// Migrations returns the migrations of the service's database.
func Migrations() fs.FS {
	sub, err := fs.Sub(embedded, "migrations")
	if err != nil {
		panic(err) //nolint:forbidigo // the name is a constant and valid
	}
	return sub
}

func (i *Inventory) build(ctx context.Context, p chassis.Parts) (chassis.Service, error) {
	stock, err := parseStock(i.settings.Stock)
	if err != nil {
		return chassis.Service{}, err
	}
	if err := seed(ctx, p.DB, stock); err != nil {
		return chassis.Service{}, err
	}
	i.db.Store(p.DB)
	h := &handler{outbox: p.Outbox, log: p.Logger}
	p.Bus.Handle(bus.Chain(bus.Typed(h.react), p.Outbox.Inbox()),
		orderPlaced, orderCancelRequested, paymentRejected, orderCanceled, deliveryFailed)
	return chassis.Service{}, nil
}

// ErrNotRunning is the error of asking a service that the chassis has not
// built yet.
var ErrNotRunning = errors.New("inventory is not running yet")

// Levels returns the stock of every SKU at one moment, sorted by SKU. After the
// chassis has stopped it is an error, since the database is closed.
func (i *Inventory) Levels(ctx context.Context) ([]Level, error) {
	db := i.db.Load()
	if db == nil {
		return nil, ErrNotRunning
	}
	return levels(ctx, db)
}

// handler reacts to events.
type handler struct {
	outbox chassis.Outbox
	log    *slog.Logger
}

// react notes what the event tells of the order and does what follows from all
// that is known. It runs inside the inbox's transaction.
func (h *handler) react(ctx context.Context, e event.Event, data heard) error {
	if err := data.check(e.Type); err != nil {
		return err
	}
	return h.outbox.Transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
		r, err := note(ctx, tx, data.OrderID, told(e.Type, e.ID))
		if err != nil {
			return err
		}
		if e.Type == orderPlaced && r.known.placed != e.ID {
			return bus.Permanent(fmt.Errorf("order %s was placed before, by event %s: an order id must not come back; this one is not reserved",
				data.OrderID, r.known.placed))
		}
		switch next(r.known, r.state) {
		case refuse:
			return h.reject(ctx, tx, data, "the order was canceled")
		case reserve:
			return h.reserve(ctx, tx, data)
		case giveBack:
			return h.giveBack(ctx, tx, data.OrderID, r.customerEmail)
		default:
			return nil
		}
	})
}

func (h *handler) reserve(ctx context.Context, tx *sql.Tx, order heard) error {
	short, err := take(ctx, tx, order.Items)
	if err != nil {
		return err
	}
	if short != "" {
		return h.reject(ctx, tx, order, string(short))
	}
	if err := saveHeld(ctx, tx, order.OrderID, order.CustomerEmail, order.Items); err != nil {
		return err
	}
	h.say(ctx, "stock is reserved", "order_id", order.OrderID)
	return h.outbox.Publish(ctx, event.New(stockConfirmed, confirmed(order)).WithSubject(order.OrderID))
}

func (h *handler) reject(ctx context.Context, tx *sql.Tx, order heard, reason string) error {
	if err := setState(ctx, tx, order.OrderID, stateRejected, order.CustomerEmail, reason); err != nil {
		return err
	}
	h.say(ctx, "no stock is reserved", "order_id", order.OrderID, "reason", reason)
	return h.outbox.Publish(ctx, event.New(stockRejected, rejected{
		OrderID: order.OrderID, CustomerEmail: order.CustomerEmail, Reason: reason,
	}).WithSubject(order.OrderID))
}

func (h *handler) giveBack(ctx context.Context, tx *sql.Tx, orderID, customerEmail string) error {
	items, err := heldItems(ctx, tx, orderID)
	if err != nil {
		return err
	}
	if err := put(ctx, tx, bySKU(items)); err != nil {
		return err
	}
	if err := setState(ctx, tx, orderID, stateReturned, customerEmail, ""); err != nil {
		return err
	}
	h.say(ctx, "stock is returned", "order_id", orderID)
	return h.outbox.Publish(ctx, event.New(stockReturned, returned{
		OrderID: orderID, CustomerEmail: customerEmail, Items: items,
	}).WithSubject(orderID))
}

// say writes a line into the log, once what it says is committed.
func (h *handler) say(ctx context.Context, text string, args ...any) {
	outbox.AfterCommit(ctx, func() { h.log.InfoContext(ctx, text, args...) }) //nolint:sloglint // its callers' constants
}
