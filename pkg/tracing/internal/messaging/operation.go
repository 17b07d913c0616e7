package messaging

import (
	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// Operation is something that is done with a message.
type Operation struct {
	// Name is messaging.operation.name, and the first word of the span's name.
	Name string
	kind opKind
}

// opKind is messaging.operation.type, from which the span's kind follows.
type opKind int

const (
	send    opKind = iota
	forward        // send of a message that has its creation context already
	process
	settle
)

// Publish is the operation of a producer.
func Publish() Operation { return Operation{Name: "publish", kind: send} }

// Forward is the operation of a producer whose message has a creation context
// of its own, which stays in it.
func Forward() Operation { return Operation{Name: "publish", kind: forward} }

// Process is the operation of a consumer to which messages are pushed.
func Process() Operation { return Operation{Name: "process", kind: process} }

// Settle is how a consumer tells the broker what became of a message; name says
// what, such as "ack".
func Settle(name string) Operation { return Operation{Name: name, kind: settle} }

func (o Operation) typeAttr() attribute.KeyValue {
	switch o.kind {
	case send, forward:
		return semconv.MessagingOperationTypeSend
	case process:
		return semconv.MessagingOperationTypeProcess
	default:
		return semconv.MessagingOperationTypeSettle
	}
}

func (o Operation) spanKind() trace.SpanKind {
	switch o.kind {
	case send:
		return trace.SpanKindProducer
	case process:
		return trace.SpanKindConsumer
	default:
		return trace.SpanKindClient
	}
}
