package choreographytest

import (
	"context"
	"slices"
	"sync"

	"github.com/laban-io/laban/services/delivery/carrier"
	"github.com/laban-io/laban/services/payment/gateway"
	"github.com/laban-io/laban/services/payment/provider"
)

// pause can hold a call to the outside when it has had its effect and before
// it returns.
type pause struct {
	mu      sync.Mutex
	reached chan struct{}
	release chan struct{}
}

// next arms the pause for the next call. reached is closed when the call is
// held; release lets it return.
func (p *pause) next() (reached <-chan struct{}, release func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reached, p.release = make(chan struct{}), make(chan struct{})
	return p.reached, sync.OnceFunc(func() { close(p.release) })
}

// here holds the call if the pause is armed.
func (p *pause) here(ctx context.Context) {
	p.mu.Lock()
	reached, release := p.reached, p.release
	p.reached = nil
	p.mu.Unlock()
	if reached == nil {
		return
	}
	close(reached)
	select {
	case <-release:
	case <-ctx.Done():
	}
}

// bank is the payment provider.
type bank struct {
	*provider.Provider
	pause pause
}

func (b *bank) Capture(ctx context.Context, r gateway.CaptureRequest) (gateway.Capture, error) {
	c, err := b.Provider.Capture(ctx, r)
	b.pause.here(ctx)
	return c, err
}

// about returns the captures that were made for an order.
func (b *bank) about(orderID string) []provider.Capture {
	return slices.DeleteFunc(b.Captures(), func(c provider.Capture) bool { return c.Reference != orderID })
}

// courier is the carrier.
type courier struct {
	*carrier.Simulated
	pause pause
}

func (c *courier) Ship(ctx context.Context, r carrier.Request) (carrier.Shipment, error) {
	s, err := c.Simulated.Ship(ctx, r)
	c.pause.here(ctx)
	return s, err
}
