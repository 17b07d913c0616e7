package payment

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/laban-io/laban/internal/chassis"
	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/services/payment/gateway"
	"github.com/laban-io/laban/services/payment/provider"
)

// Name is the service's name.
const Name = "payment"

// Emits returns the event types that the service publishes.
func Emits() []string { return []string{paymentConfirmed, paymentRejected, refundProcessed} }

// Settings are the service's own settings.
type Settings struct {
	CallTimeout     time.Duration `env:"PAYMENT_CALL_TIMEOUT" envDefault:"2s" help:"how long one call to the payment provider may take before it is tried again"`
	ProviderLatency time.Duration `env:"PAYMENT_PROVIDER_LATENCY" envDefault:"50ms" help:"how long the simulated payment provider takes to answer"`
}

// Validate says what of the settings can't work.
func (s *Settings) Validate() error {
	var errs []error
	if s.CallTimeout <= 0 {
		errs = append(errs, fmt.Errorf("PAYMENT_CALL_TIMEOUT is %v, must be positive", s.CallTimeout))
	}
	if s.ProviderLatency < 0 {
		errs = append(errs, fmt.Errorf("PAYMENT_PROVIDER_LATENCY is %v, must not be negative", s.ProviderLatency))
	}
	return errors.Join(errs...)
}

//go:embed migrations/*.sql
var embedded embed.FS

// Payment is one instance of the service. Make one with [New] and give its
// [Payment.Spec] to the chassis.
type Payment struct {
	settings Settings
	gateway  gateway.Gateway
}

// New returns a payment service that is not running yet. Where gw is nil it
// makes a simulated provider from its settings.
func New(s Settings, gw gateway.Gateway) *Payment { return &Payment{settings: s, gateway: gw} }

// Spec describes the service to the chassis. It may run once.
func (p *Payment) Spec() chassis.Spec {
	return chassis.Spec{
		Name:        Name,
		Summary:     "Charges customers through a payment provider, and refunds them when an order they paid for is not shipped.",
		Emits:       Emits(),
		Migrations:  Migrations(),
		DefaultAddr: "127.0.0.1:8083",
		Settings:    &p.settings,
		Build:       p.build,
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

func (p *Payment) build(_ context.Context, parts chassis.Parts) (chassis.Service, error) {
	if err := p.settings.Validate(); err != nil {
		return chassis.Service{}, err
	}
	gw := p.gateway
	if gw == nil {
		gw = provider.New(provider.Config{
			Latency: p.settings.ProviderLatency,
			// Slow, and yet in time.
			SlowBy: p.settings.CallTimeout / 2,
		})
	}
	h := &handler{outbox: parts.Outbox, gateway: gw, callTimeout: p.settings.CallTimeout, log: parts.Logger}
	parts.Bus.Handle(bus.Typed(h.react), stockConfirmed, orderCancelRequested, orderCanceled, deliveryFailed)
	return chassis.Service{}, nil
}
