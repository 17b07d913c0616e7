package provider

import "maps"

// Captures returns the remembered captures, oldest first.
func (p *Provider) Captures() []Capture {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]Capture, 0, len(p.oldest))
	for _, id := range p.oldest {
		all = append(all, p.byID[id].clone())
	}
	return all
}

// CaptureOf returns the capture that was asked for with an idempotency key.
func (p *Provider) CaptureOf(idempotencyKey string) (Capture, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c, ok := p.captures[idempotencyKey]
	if !ok {
		return Capture{}, false
	}
	return c.clone(), true
}

// Totals returns what the provider did so far.
func (p *Provider) Totals() Totals {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.totals
	t.Captured, t.Refunded = maps.Clone(t.Captured), maps.Clone(t.Refunded)
	return t
}

// Kept returns what was captured and not refunded in a currency, in minor
// units.
func (t Totals) Kept(currency string) int64 { return t.Captured[currency] - t.Refunded[currency] }

func (c *Capture) clone() Capture {
	clone := *c
	clone.Refunds = maps.Clone(c.Refunds)
	return clone
}
