package membus

import (
	"fmt"
	"maps"
	"strconv"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
)

// maxHeaderBytes bounds plain headers, since AMQP has to fit all headers into
// one frame.
const maxHeaderBytes = 64 << 10

// message is a message as the broker holds it. It is never changed: queues and
// the log share one, and whoever receives it gets a copy.
type message struct {
	event      event.Event
	headers    map[string]string
	exchange   string
	routingKey string
	malformed  error
}

// newMessage copies m as it would arrive on the other side of a wire.
func newMessage(m *bus.Message, exchange, routingKey string, maxBytes int) (*message, error) {
	e, err := event.Carry(m.Event)
	if err != nil {
		return nil, err
	}
	size := 0
	for name, value := range m.Headers {
		switch {
		case name == "" || len(name) > event.MaxAttribute:
			return nil, fmt.Errorf("%w: a header's name has %d bytes, 1 to %d are allowed", event.ErrInvalid, len(name), event.MaxAttribute)
		case event.IsAttribute(name):
			return nil, fmt.Errorf("%w: header %q is an attribute of the event; set it there", event.ErrInvalid, name)
		}
		size += len(name) + len(value)
	}
	if size > maxHeaderBytes {
		return nil, fmt.Errorf("%w: headers of %s have %d bytes, at most %d fit", bus.ErrTooLarge, e.Type, size, maxHeaderBytes)
	}
	if len(routingKey) > event.MaxAttribute {
		return nil, fmt.Errorf("%w: routing key of %d bytes, at most %d are allowed", event.ErrInvalid, len(routingKey), event.MaxAttribute)
	}
	if size += len(e.Data); size > maxBytes {
		return nil, fmt.Errorf("%w: %s has %d bytes, the broker takes %d", bus.ErrTooLarge, e.Type, size, maxBytes)
	}
	return &message{event: e, headers: maps.Clone(m.Headers), exchange: exchange, routingKey: routingKey}, nil
}

// toBus returns a copy of m that its receiver may change.
func (m *message) toBus(info *bus.Info) bus.Message {
	return bus.Message{
		Event: m.event.Clone(), Headers: maps.Clone(m.headers),
		Exchange: m.exchange, RoutingKey: m.routingKey, Info: info,
	}
}

// size is about how much memory m takes.
func (m *message) size() int {
	const fixed = 512 // of the structs and the attributes' text
	return fixed + len(m.event.Data) + 32*(len(m.headers)+len(m.event.Extensions))
}

// failed returns the copy of m that waits for another attempt or is parked.
func (m *message) failed(service string, attempt int, errorText string) *message {
	c := *m
	c.headers = make(map[string]string, len(m.headers)+5)
	maps.Copy(c.headers, m.headers)
	c.headers[bus.HeaderAttempt] = strconv.Itoa(attempt)
	c.headers[bus.HeaderError] = errorText
	c.headers[bus.HeaderService] = service
	c.headers[bus.HeaderExchange] = m.exchange
	c.headers[bus.HeaderRoutingKey] = m.routingKey
	return &c
}
