package tracing

import (
	"maps"
	"slices"

	"go.opentelemetry.io/otel/propagation"

	"github.com/laban-io/laban/pkg/bus"
)

// MessageCarrier lets propagators read and write the plain headers of a
// [bus.Message]. It is not safe for concurrent use. The headers of plain
// amqp091-go messages have a carrier in package amqptrace.
type MessageCarrier struct{ Message *bus.Message }

var _ propagation.TextMapCarrier = MessageCarrier{}

// Get returns the header of that name, or "".
func (c MessageCarrier) Get(name string) string { return c.Message.Headers[name] }

// Set writes a header.
func (c MessageCarrier) Set(name, value string) { c.Message.SetHeader(name, value) }

// Keys returns the names of all headers, sorted.
func (c MessageCarrier) Keys() []string { return slices.Sorted(maps.Keys(c.Message.Headers)) }
