package amqpbus

import (
	"fmt"
	"strings"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
)

// maxHeaderBytes keeps the headers in one frame, whose size RabbitMQ limits to
// 128 KiB by default: a longer one ends the connection. Attributes, and what a
// retried copy adds, take less than the rest.
const maxHeaderBytes = 96 << 10

// encode returns m as AMQP carries it. It refuses what the client library can't
// write, because a frame that can't be written ends the connection for all.
func encode(m *bus.Message) (amqp.Publishing, error) {
	b, err := event.Marshal(m.Event)
	if err != nil {
		return amqp.Publishing{}, err
	}
	size := 0
	for name, value := range m.Headers {
		if len(name) > 255 {
			return amqp.Publishing{}, fmt.Errorf("%w: a header's name has %d bytes, at most 255 are allowed", event.ErrInvalid, len(name))
		}
		size += len(name) + len(value)
		b.Headers[name] = value
	}
	if size > maxHeaderBytes {
		return amqp.Publishing{}, fmt.Errorf("%w: headers have %d bytes, at most %d are allowed", bus.ErrTooLarge, size, maxHeaderBytes)
	}
	return amqp.Publishing{
		Headers:       b.Headers,
		ContentType:   b.ContentType,
		DeliveryMode:  amqp.Persistent,
		CorrelationId: b.CorrelationID,
		MessageId:     b.MessageID,
		Timestamp:     b.Timestamp,
		Type:          b.Type,
		AppId:         b.AppID,
		Body:          b.Body,
	}, nil
}

// decode reads a delivery. The routing key and exchange of a retried or parked
// copy are those of the original.
func decode(d *amqp.Delivery) (m bus.Message, malformed error) {
	exchange, key := d.Exchange, d.RoutingKey
	if original, ok := text(d.Headers, bus.HeaderRoutingKey); ok {
		key = original
		exchange, _ = text(d.Headers, bus.HeaderExchange)
	}
	e, err := event.Unmarshal(event.Binary{
		MessageID: d.MessageId, Type: d.Type, CorrelationID: d.CorrelationId, AppID: d.AppId,
		ContentType: d.ContentType, Timestamp: d.Timestamp, RoutingKey: key,
		Headers: d.Headers, Body: d.Body,
	})
	return bus.Message{Event: e, Headers: event.PlainHeaders(d.Headers), Exchange: exchange, RoutingKey: key}, err
}

// copyOf returns a delivery as it is published again: all it came with, but for
// what the broker wrote into it.
func copyOf(d *amqp.Delivery) amqp.Publishing {
	headers := make(amqp.Table, len(d.Headers)+5)
	for name, value := range d.Headers {
		if !isBrokerHeader(name) {
			headers[name] = value
		}
	}
	if _, ok := headers[bus.HeaderRoutingKey]; !ok {
		headers[bus.HeaderExchange] = d.Exchange
		headers[bus.HeaderRoutingKey] = d.RoutingKey
	}
	return amqp.Publishing{
		Headers: headers, ContentType: d.ContentType, ContentEncoding: d.ContentEncoding,
		DeliveryMode: amqp.Persistent, Priority: d.Priority, CorrelationId: d.CorrelationId, ReplyTo: d.ReplyTo,
		MessageId: d.MessageId, Timestamp: d.Timestamp, Type: d.Type, AppId: d.AppId, Body: d.Body,
		// Expiration and UserId stay behind: a parked message must not expire,
		// and the broker refuses another user's name.
	}
}

// CopyOf returns a delivery as it can be published again: with all that it came
// with, but for what the broker wrote into it. Where it was first published is
// in the headers [bus.HeaderExchange] and [bus.HeaderRoutingKey].
func CopyOf(d *amqp.Delivery) amqp.Publishing { return copyOf(d) }

func isBrokerHeader(name string) bool {
	return name == "x-death" || name == "x-delivery-count" || name == "x-acquired-count" || name == "x-stream-offset" ||
		strings.HasPrefix(name, "x-first-death-") || strings.HasPrefix(name, "x-last-death-")
}

// text returns a header that is text.
func text(headers amqp.Table, name string) (string, bool) {
	switch v := headers[name].(type) {
	case string:
		return v, true
	case []byte:
		return string(v), true
	}
	return "", false
}

// number returns a header that is an integer, or 0.
func number(headers amqp.Table, name string) int64 {
	switch v := headers[name].(type) {
	case int64:
		return v
	case int32:
		return int64(v)
	case int16:
		return int64(v)
	case int8:
		return int64(v)
	case uint8:
		return int64(v)
	case uint16:
		return int64(v)
	case uint32:
		return int64(v)
	case int:
		return int64(v)
	}
	return 0
}
