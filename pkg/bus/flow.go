package bus

import (
	"context"
	"time"

	"github.com/laban-io/laban/pkg/event"
)

// Flow is one run of a choreography, such as one order. A service that lets a
// later request rejoin the flow stores it with its own record of the order.
type Flow struct {
	// Name is the choreography's.
	Name string `json:"name"`
	// ID is unique, also where a key comes back.
	ID string `json:"id"`
	// Key is what people call it, such as the order id.
	Key string `json:"key"`
	// Trace is the trace context that the flow began in, as headers. What is
	// published under [WithFlow] goes into that trace.
	Trace map[string]string `json:"trace,omitempty"`
}

// String returns "name:id".
func (f Flow) String() string { return f.Name + ":" + f.ID }

// scope is what travels in a handler's context to what it publishes.
type scope struct {
	flow        Flow
	causationID string
	triggerTime time.Time
	delivery    *Delivery
}

type scopeKey struct{}

func scopeOf(ctx context.Context) *scope {
	s, _ := ctx.Value(scopeKey{}).(*scope)
	return s
}

// deliveryScope is the context in which d is handled.
func deliveryScope(ctx context.Context, d *Delivery) context.Context {
	return context.WithValue(ctx, scopeKey{}, &scope{
		flow:        Flow{Name: d.Event.FlowName, ID: d.Event.FlowID, Key: flowKey(d.Event)},
		causationID: d.Event.ID,
		triggerTime: d.Received,
		delivery:    d,
	})
}

// flowKey is the key of e's flow. The subject is that, by convention, only of
// an event that belongs to one.
func flowKey(e event.Event) string {
	if e.FlowID == "" {
		return ""
	}
	return e.Subject
}

// StartFlow returns a context in which a new flow has begun: what is published
// with it belongs to the flow, and to the trace of ctx. Give it the key that
// people know the flow by.
func (b *Bus) StartFlow(ctx context.Context, name, key string) (context.Context, Flow) {
	f := Flow{Name: name, ID: event.NewID(), Key: key}
	ctx = WithFlow(ctx, f)
	trace := make(map[string]string, 2)
	b.hooks.inject(ctx, trace)
	if len(trace) > 0 {
		f.Trace = trace
		ctx = WithFlow(ctx, f)
	}
	return ctx, f
}

// WithFlow returns a context that rejoins a flow: what is published with it
// belongs to f, goes into the trace that f began in, and is linked to the span
// that ctx is in.
func WithFlow(ctx context.Context, f Flow) context.Context {
	s := scope{flow: f}
	if outer := scopeOf(ctx); outer != nil {
		s = *outer
		s.flow = f
	}
	return context.WithValue(ctx, scopeKey{}, &s)
}

// FlowFrom returns the flow that ctx is in.
func FlowFrom(ctx context.Context) (Flow, bool) {
	s := scopeOf(ctx)
	if s == nil || s.flow.ID == "" {
		return Flow{}, false
	}
	return s.flow, true
}

// DeliveryFrom returns the delivery that is being handled in ctx, or nil.
func DeliveryFrom(ctx context.Context) *Delivery {
	s := scopeOf(ctx)
	if s == nil {
		return nil
	}
	return s.delivery
}
