package bus

import (
	"context"
	"time"
)

// Hook is anything that implements one or more of the hook interfaces below.
// It is how telemetry is attached without the bus knowing of any.
//
// Hooks run inside the path of every message: they must not block and must
// not panic. Start methods run in the order in which hooks are configured, End
// methods in reverse.
type Hook any

// PublishHook sees every message that is published.
type PublishHook interface {
	// PublishStart runs before m is handed to the transport; it may add
	// headers. The context it returns is that of PublishEnd.
	PublishStart(ctx context.Context, m *Message) context.Context
	// PublishEnd runs when the broker has answered, on any goroutine.
	PublishEnd(ctx context.Context, m *Message, elapsed time.Duration, err error)
}

// ProcessHook sees every delivery that is handled.
type ProcessHook interface {
	// ProcessStart runs before the handler; the handler's context descends from
	// the one it returns.
	ProcessStart(ctx context.Context, d *Delivery) context.Context
	// ProcessEnd runs after the handler, before the delivery is settled. elapsed
	// is how long the handler took; what the delivery waited for a free worker
	// is not in it.
	ProcessEnd(ctx context.Context, d *Delivery, v Verdict, elapsed time.Duration)
}

// SettleHook sees how every delivery is settled.
type SettleHook interface {
	// SettleStart runs before the delivery is settled, in the context of
	// ProcessStart.
	SettleStart(ctx context.Context, d *Delivery, v Verdict) context.Context
	// SettleEnd runs after it.
	SettleEnd(ctx context.Context, d *Delivery, v Verdict, elapsed time.Duration, err error)
}

// Propagator carries a context's trace through storage: an outbox row, or the
// order of a flow that a later request rejoins.
type Propagator interface {
	// Inject writes the trace that something published in ctx would belong to.
	Inject(ctx context.Context, headers map[string]string)
	// Extract returns a context that continues what Inject wrote.
	Extract(ctx context.Context, headers map[string]string) context.Context
}

// hooks are the configured hooks, by what they implement.
type hooks struct {
	publish     []PublishHook
	process     []ProcessHook
	settle      []SettleHook
	propagators []Propagator
}

func sortHooks(all []Hook) hooks {
	var h hooks
	for _, hook := range all {
		if p, ok := hook.(PublishHook); ok {
			h.publish = append(h.publish, p)
		}
		if p, ok := hook.(ProcessHook); ok {
			h.process = append(h.process, p)
		}
		if s, ok := hook.(SettleHook); ok {
			h.settle = append(h.settle, s)
		}
		if p, ok := hook.(Propagator); ok {
			h.propagators = append(h.propagators, p)
		}
	}
	return h
}

func (h *hooks) inject(ctx context.Context, headers map[string]string) {
	for _, p := range h.propagators {
		p.Inject(ctx, headers)
	}
}

func (h *hooks) extract(ctx context.Context, headers map[string]string) context.Context {
	for _, p := range h.propagators {
		ctx = p.Extract(ctx, headers)
	}
	return ctx
}

func (h *hooks) publishStart(ctx context.Context, m *Message) context.Context {
	for _, p := range h.publish {
		ctx = p.PublishStart(ctx, m)
	}
	return ctx
}

func (h *hooks) publishEnd(ctx context.Context, m *Message, elapsed time.Duration, err error) {
	for i := len(h.publish) - 1; i >= 0; i-- {
		h.publish[i].PublishEnd(ctx, m, elapsed, err)
	}
}

func (h *hooks) processStart(ctx context.Context, d *Delivery) context.Context {
	for _, p := range h.process {
		ctx = p.ProcessStart(ctx, d)
	}
	return ctx
}

func (h *hooks) processEnd(ctx context.Context, d *Delivery, v Verdict, elapsed time.Duration) {
	for i := len(h.process) - 1; i >= 0; i-- {
		h.process[i].ProcessEnd(ctx, d, v, elapsed)
	}
}

func (h *hooks) settleStart(ctx context.Context, d *Delivery, v Verdict) context.Context {
	for _, s := range h.settle {
		ctx = s.SettleStart(ctx, d, v)
	}
	return ctx
}

func (h *hooks) settleEnd(ctx context.Context, d *Delivery, v Verdict, elapsed time.Duration, err error) {
	for i := len(h.settle) - 1; i >= 0; i-- {
		h.settle[i].SettleEnd(ctx, d, v, elapsed, err)
	}
}
