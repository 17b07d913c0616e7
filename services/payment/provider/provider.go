// Package provider simulates a payment provider, as a stand-in for a real one
// in demonstrations and tests. It behaves like one in what matters: it is
// idempotent by key, it can be slow, it can take the money and fail to say so.
//
// What happens is decided by the token:
//
//	tok_approved   the money is taken
//	tok_declined   it is declined
//	tok_slow       it is taken, after SlowBy
//	tok_timeout    it is taken, but the first one or two answers come too late
//
// Any other token is declined.
//
// It keeps what it did in memory, for [Provider.Totals] and the other reports.
// Ids are derived from idempotency keys, so that a provider that has forgotten
// a capture (because its process was started again) still names it alike.
package provider

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sync"
	"time"

	"github.com/laban-io/laban/services/payment/gateway"
)

// The tokens that the provider knows.
const (
	Approved gateway.Token = "tok_approved"
	Declines gateway.Token = "tok_declined"
	Slow     gateway.Token = "tok_slow"
	TimesOut gateway.Token = "tok_timeout"
)

// Config says how the provider behaves. The zero value answers at once.
type Config struct {
	// Latency is how long every answer takes.
	Latency time.Duration
	// SlowBy is how much longer one takes with the token [Slow]. Default: 1 s.
	SlowBy time.Duration
	// LateAnswers is how many answers to one capture with the token [TimesOut]
	// come too late. Default: one or two, by the idempotency key.
	LateAnswers int
	// LateBy is how long such an answer takes, unless its caller gives up
	// earlier. Default: 30 s.
	LateBy time.Duration
	// Remember is how many captures are remembered; older ones are forgotten,
	// as real providers forget idempotency keys after a day or so. Default:
	// 100,000.
	Remember int
}

func (c *Config) setDefaults() {
	if c.SlowBy == 0 {
		c.SlowBy = time.Second
	}
	if c.LateBy == 0 {
		c.LateBy = 30 * time.Second
	}
	if c.Remember == 0 {
		c.Remember = 100_000
	}
}

// Provider is a simulated payment provider. It is safe for concurrent use.
type Provider struct {
	cfg Config

	mu       sync.Mutex
	captures map[string]*Capture // by idempotency key
	byID     map[string]*Capture
	late     map[string]int // late answers given, by idempotency key
	oldest   []string       // idempotency keys of captures, oldest first
	totals   Totals
}

// Capture is money that was taken, and what became of it.
type Capture struct {
	ID string
	// IdempotencyKey is the request's; empty for a capture that the provider
	// knows only from its refund.
	IdempotencyKey string
	// Reference is the order id.
	Reference string
	// Amount is in minor units of Currency.
	Amount   int64
	Currency string
	// Requests is how often the capture was asked for.
	Requests int
	// Refunded is how much of Amount was given back.
	Refunded int64
	// Refunds are the idempotency keys of refunds, with their amounts.
	Refunds map[string]int64
}

// Totals is what the provider did since it was made, also what it does not
// remember one by one. Amounts are by currency, in minor units.
type Totals struct {
	Captures int
	Refunds  int
	Declines int
	Captured map[string]int64
	Refunded map[string]int64
}

var _ gateway.Gateway = (*Provider)(nil)

// New returns a provider that has done nothing yet.
func New(cfg Config) *Provider {
	cfg.setDefaults()
	return &Provider{
		cfg:      cfg,
		captures: make(map[string]*Capture),
		byID:     make(map[string]*Capture),
		late:     make(map[string]int),
		totals:   Totals{Captured: make(map[string]int64), Refunded: make(map[string]int64)},
	}
}

// Capture takes money as the token says.
func (p *Provider) Capture(ctx context.Context, r gateway.CaptureRequest) (gateway.Capture, error) {
	if r.IdempotencyKey == "" || r.Amount <= 0 || r.Currency == "" {
		return gateway.Capture{}, &gateway.Declined{Reason: "the request is incomplete"}
	}
	if err := p.think(ctx, p.cfg.Latency); err != nil {
		return gateway.Capture{}, err
	}
	switch r.Token {
	case Approved:
		return p.take(r)
	case Slow:
		if err := p.think(ctx, p.cfg.SlowBy); err != nil {
			return gateway.Capture{}, err
		}
		return p.take(r)
	case TimesOut:
		c, err := p.take(r)
		if err == nil && p.answersLate(r.IdempotencyKey) {
			err = p.think(ctx, p.cfg.LateBy)
		}
		return c, err
	case Declines:
		return p.decline("the card was declined")
	default:
		return p.decline("the means of payment is unknown")
	}
}

// Refund gives money back. A capture that the provider does not remember is
// believed, since ids can't be guessed and it may have been made before this
// process.
func (p *Provider) Refund(ctx context.Context, r gateway.RefundRequest) (gateway.Refund, error) {
	if r.IdempotencyKey == "" || r.CaptureID == "" || r.Amount <= 0 || r.Currency == "" {
		return gateway.Refund{}, &gateway.Declined{Reason: "the request is incomplete"}
	}
	if err := p.think(ctx, p.cfg.Latency); err != nil {
		return gateway.Refund{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	c, known := p.byID[r.CaptureID]
	if !known {
		c = &Capture{ID: r.CaptureID, Reference: r.Reference, Amount: r.Amount, Currency: r.Currency, Refunds: make(map[string]int64)}
		p.remember(c)
	}
	answer := gateway.Refund{ID: name("re_", r.IdempotencyKey)}
	if _, done := c.Refunds[r.IdempotencyKey]; done {
		return answer, nil
	}
	if r.Currency != c.Currency || r.Amount > c.Amount-c.Refunded {
		return gateway.Refund{}, &gateway.Declined{Reason: "more than was taken can't be given back"}
	}
	c.Refunds[r.IdempotencyKey] = r.Amount
	c.Refunded += r.Amount
	p.totals.Refunds++
	p.totals.Refunded[r.Currency] += r.Amount
	return answer, nil
}

// take records a capture, once for each idempotency key.
func (p *Provider) take(r gateway.CaptureRequest) (gateway.Capture, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c, done := p.captures[r.IdempotencyKey]
	if !done {
		c = &Capture{
			ID: name("cap_", r.IdempotencyKey), IdempotencyKey: r.IdempotencyKey, Reference: r.Reference,
			Amount: r.Amount, Currency: r.Currency, Refunds: make(map[string]int64),
		}
		p.remember(c)
		p.totals.Captures++
		p.totals.Captured[r.Currency] += r.Amount
	}
	if c.Amount != r.Amount || c.Currency != r.Currency {
		return gateway.Capture{}, &gateway.Declined{Reason: "the idempotency key belongs to another request"}
	}
	c.Requests++
	return gateway.Capture{ID: c.ID}, nil
}

func (p *Provider) decline(reason string) (gateway.Capture, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.totals.Declines++
	return gateway.Capture{}, &gateway.Declined{Reason: reason}
}

// remember keeps c and forgets the oldest capture beyond the limit.
func (p *Provider) remember(c *Capture) {
	if c.IdempotencyKey != "" {
		p.captures[c.IdempotencyKey] = c
	}
	p.byID[c.ID] = c
	p.oldest = append(p.oldest, c.ID)
	if len(p.oldest) <= p.cfg.Remember {
		return
	}
	forgotten := p.byID[p.oldest[0]]
	p.oldest = p.oldest[1:]
	delete(p.byID, forgotten.ID)
	delete(p.captures, forgotten.IdempotencyKey)
	delete(p.late, forgotten.IdempotencyKey)
}

// answersLate tells whether this answer to a capture comes too late, and counts
// it.
func (p *Provider) answersLate(key string) bool {
	limit := p.cfg.LateAnswers
	if limit == 0 {
		limit = 1 + int(sha256.Sum256([]byte(key))[0]%2)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.late[key] >= limit {
		return false
	}
	p.late[key]++
	return true
}

// think takes time, unless the caller gives up.
func (p *Provider) think(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return context.Cause(ctx)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("the payment provider did not answer in time: %w", context.Cause(ctx))
	}
}

// name derives an id from an idempotency key.
func name(prefix, key string) string {
	sum := sha256.Sum256([]byte(prefix + key))
	return prefix + hex.EncodeToString(sum[:10])
}
