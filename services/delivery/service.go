package delivery

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"sync/atomic"
	"time"

	"github.com/laban-io/laban/internal/chassis"
	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/services/delivery/carrier"
)

// Name is the service's name.
const Name = "delivery"

// Emits returns the event types that the service publishes.
func Emits() []string {
	return []string{orderShipped, deliveryFailed, orderCanceled, orderCancelRefused}
}

// Settings are the service's own settings.
type Settings struct {
	CallTimeout    time.Duration `env:"DELIVERY_CALL_TIMEOUT" envDefault:"5s" help:"how long one call to the carrier may take before it is tried again"`
	CarrierLatency time.Duration `env:"DELIVERY_CARRIER_LATENCY" envDefault:"100ms" help:"how long the simulated carrier takes to answer"`
}

// Validate says what of the settings can't work.
func (s *Settings) Validate() error {
	var errs []error
	if s.CallTimeout <= 0 {
		errs = append(errs, fmt.Errorf("DELIVERY_CALL_TIMEOUT is %v, must be positive", s.CallTimeout))
	}
	if s.CarrierLatency < 0 {
		errs = append(errs, fmt.Errorf("DELIVERY_CARRIER_LATENCY is %v, must not be negative", s.CarrierLatency))
	}
	return errors.Join(errs...)
}

//go:embed migrations/*.sql
var embedded embed.FS

// Delivery is one instance of the service. Make one with [New] and give its
// [Delivery.Spec] to the chassis. Its methods are safe for concurrent use.
type Delivery struct {
	settings Settings
	carrier  carrier.Carrier
	db       atomic.Pointer[sql.DB]
}

// New returns a delivery service that is not running yet. Where c is nil it
// makes a simulated carrier from its settings.
func New(s Settings, c carrier.Carrier) *Delivery { return &Delivery{settings: s, carrier: c} }

// Spec describes the service to the chassis. It may run once.
func (d *Delivery) Spec() chassis.Spec {
	return chassis.Spec{
		Name:        Name,
		Summary:     "Hands paid orders to a carrier, and decides whether an order can still be canceled.",
		Emits:       Emits(),
		Migrations:  Migrations(),
		DefaultAddr: "127.0.0.1:8084",
		Settings:    &d.settings,
		Build:       d.build,
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

func (d *Delivery) build(_ context.Context, parts chassis.Parts) (chassis.Service, error) {
	if err := d.settings.Validate(); err != nil {
		return chassis.Service{}, err
	}
	c := d.carrier
	if c == nil {
		c = carrier.NewSimulated(carrier.Config{Latency: d.settings.CarrierLatency})
	}
	d.db.Store(parts.DB)
	h := &handler{outbox: parts.Outbox, carrier: c, callTimeout: d.settings.CallTimeout, log: parts.Logger}
	parts.Bus.Handle(bus.Typed(h.ship), paymentConfirmed)
	parts.Bus.Handle(bus.Chain(bus.Typed(h.cancel), parts.Outbox.Inbox()), orderCancelRequested)
	return chassis.Service{}, nil
}

// Shipment is an order that was handed, or is being handed, to the carrier.
type Shipment struct {
	OrderID string
	// Shipped tells whether the carrier has the parcel for certain.
	Shipped        bool
	TrackingNumber string
	// Amount is the value of the order in minor units of Currency.
	Amount   int64
	Currency string
}

// ErrNotRunning is the error of asking a service that the chassis has not
// built yet.
var ErrNotRunning = errors.New("delivery is not running yet")

// Shipments returns every order that the carrier has or may have, by order id.
// After the chassis has stopped it is an error, since the database is closed.
func (d *Delivery) Shipments(ctx context.Context) ([]Shipment, error) {
	db := d.db.Load()
	if db == nil {
		return nil, ErrNotRunning
	}
	return shipments(ctx, db)
}
