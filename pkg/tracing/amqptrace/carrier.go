package amqptrace

import (
	"maps"
	"slices"

	amqp "github.com/rabbitmq/amqp091-go"
	"go.opentelemetry.io/otel/propagation"
)

// HeaderCarrier lets propagators read and write the headers of an AMQP message.
// It writes into the table that it is made of: clone one that others see. It is
// not safe for concurrent use.
type HeaderCarrier amqp.Table

var _ propagation.TextMapCarrier = HeaderCarrier{}

// Get returns a header that is text, as a string or as bytes, since clients of
// other languages send either. Any other header is "".
func (c HeaderCarrier) Get(name string) string {
	switch v := c[name].(type) {
	case string:
		return v
	case []byte:
		return string(v)
	default:
		return ""
	}
}

// Set writes a header as a string. On a nil carrier it does nothing.
func (c HeaderCarrier) Set(name, value string) {
	if c != nil {
		c[name] = value
	}
}

// Keys returns the names of all headers, sorted.
func (c HeaderCarrier) Keys() []string { return slices.Sorted(maps.Keys(c)) }
