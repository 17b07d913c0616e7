package parked

import (
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/laban-io/laban/internal/observer/api"
)

// Flows knows how far flows have come. An observer does.
type Flows interface {
	// Flow returns a flow, or nil where it is not known.
	Flow(ctx context.Context, choreography, id string) (*api.Detail, error)
}

// Config is what a desk works with. Store is needed.
type Config struct {
	Store Store
	// Flows, where set, is asked before a message is sent again.
	Flows Flows
	// Tracer makes the span of each redrive. Without one, each attempt at a
	// redriven message begins a trace of its own.
	Tracer trace.Tracer
}

// Desk is where a person deals with messages that wait. It is safe for
// concurrent use.
type Desk struct {
	store  Store
	flows  Flows
	tracer trace.Tracer
}

// New returns a desk.
func New(cfg Config) (*Desk, error) {
	if cfg.Store == nil {
		return nil, errors.New("a desk needs a store")
	}
	if cfg.Tracer == nil {
		cfg.Tracer = noop.NewTracerProvider().Tracer("")
	}
	return &Desk{store: cfg.Store, flows: cfg.Flows, tracer: cfg.Tracer}, nil
}

// Listing is what waits.
type Listing struct {
	// Groups are the messages that failed alike, the largest group first.
	Groups []Group `json:"groups"`
	// Messages are all of them, in the order in which they were set aside and
	// without their content.
	Messages []Message `json:"messages"`
	// Depths are how many messages the queues hold.
	Depths []Depth `json:"depths"`
	// Notes say what could not be seen, in whole sentences.
	Notes []string `json:"notes,omitempty"`
	// Log is the last place that was read, and Finished are those that were dealt
	// with and may not have been removed; both are for [Order].
	Log      Place       `json:"-"`
	Finished map[Ref]int `json:"-"`
}

// List lists what waits, and changes nothing. told, which may be nil, is told
// how far it is.
func (d *Desk) List(ctx context.Context, f Filter, told func(Progress)) (*Listing, error) {
	c, err := d.store.Scan(ctx, f, told)
	if err != nil {
		return nil, fmt.Errorf("look for parked messages: %w", err)
	}
	l := &Listing{Messages: make([]Message, len(c.Messages)), Depths: c.Depths, Notes: c.Notes, Log: c.End, Finished: c.Finished}
	var g groups
	for i := range c.Messages {
		g.add(&c.Messages[i])
		l.Messages[i] = c.Messages[i].bare()
	}
	l.Groups = g.sorted()
	return l, nil
}

// Read returns one message whole, of a place in the log or a stream.
func (d *Desk) Read(ctx context.Context, kind Kind, at Place) (*Message, error) {
	m, err := d.store.Read(ctx, kind, at)
	if err != nil {
		return nil, fmt.Errorf("read a %s message: %w", kind, err)
	}
	return m, nil
}
