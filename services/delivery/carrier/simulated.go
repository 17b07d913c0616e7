package carrier

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"time"
)

// Config says how a simulated carrier behaves. The zero value answers at once.
type Config struct {
	// Latency is how long every answer takes.
	Latency time.Duration
	// Remember is how many parcels are remembered for the reports; older ones
	// are forgotten. Default: 100,000.
	Remember int
}

// Simulated is a carrier that exists only in this process, as a stand-in for a
// real one in demonstrations and tests. It can't deliver to an address that
// contains "nowhere". Tracking numbers are derived from idempotency keys, so
// that a carrier whose process was started again names a parcel alike.
type Simulated struct {
	cfg Config

	mu      sync.Mutex
	parcels map[string]*Parcel // by idempotency key
	oldest  []string           // their keys, oldest first
	shipped int
}

// Parcel is one that the carrier took.
type Parcel struct {
	TrackingNumber string
	Reference      string
	// Requests is how often the carrier was asked to take it.
	Requests int
}

var _ Carrier = (*Simulated)(nil)

// NewSimulated returns a carrier that has taken nothing yet.
func NewSimulated(cfg Config) *Simulated {
	if cfg.Remember == 0 {
		cfg.Remember = 100_000
	}
	return &Simulated{cfg: cfg, parcels: make(map[string]*Parcel)}
}

// Ship takes a parcel, once for each idempotency key.
func (s *Simulated) Ship(ctx context.Context, r Request) (Shipment, error) {
	if err := s.think(ctx); err != nil {
		return Shipment{}, err
	}
	if strings.Contains(strings.ToLower(r.ShipTo), "nowhere") {
		return Shipment{}, &Undeliverable{Reason: "the address does not exist"}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p, taken := s.parcels[r.IdempotencyKey]
	if !taken {
		p = &Parcel{TrackingNumber: trackingNumber(r.IdempotencyKey), Reference: r.Reference}
		s.remember(r.IdempotencyKey, p)
	}
	p.Requests++
	return Shipment{TrackingNumber: p.TrackingNumber}, nil
}

// Shipped returns how many parcels the carrier took since it was made.
func (s *Simulated) Shipped() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.shipped
}

// Parcels returns the remembered parcels, oldest first.
func (s *Simulated) Parcels() []Parcel {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Parcel, 0, len(s.oldest))
	for _, key := range s.oldest {
		all = append(all, *s.parcels[key])
	}
	return all
}

// remember keeps p and forgets the oldest parcel beyond the limit.
func (s *Simulated) remember(key string, p *Parcel) {
	s.shipped++
	s.parcels[key] = p
	s.oldest = append(s.oldest, key)
	if len(s.oldest) > s.cfg.Remember {
		delete(s.parcels, s.oldest[0])
		s.oldest = s.oldest[1:]
	}
}

// think takes time, unless the caller gives up.
func (s *Simulated) think(ctx context.Context) error {
	if s.cfg.Latency <= 0 {
		return context.Cause(ctx)
	}
	timer := time.NewTimer(s.cfg.Latency)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("the carrier did not answer in time: %w", context.Cause(ctx))
	}
}

func trackingNumber(key string) string {
	sum := sha256.Sum256([]byte(key))
	return "LB" + strings.ToUpper(hex.EncodeToString(sum[:6]))
}
