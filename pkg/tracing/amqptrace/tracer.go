package amqptrace

import (
	"context"

	amqp "github.com/rabbitmq/amqp091-go"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/pkg/tracing/internal/messaging"
)

// Tracer writes the spans and metrics of a program's messages. Make one for
// each broker. It is safe for concurrent use.
type Tracer struct {
	messages    *messaging.Instrumentation
	propagator  propagation.TextMapPropagator
	settleSpans SettleSpans
	broker      messaging.Destination
}

// New returns a tracer. Without options it uses OpenTelemetry's global
// providers and propagator, and does not name the broker.
func New(opts ...Option) *Tracer {
	c := newConfig(opts)
	messages, err := messaging.New(c.tracerProvider, c.meterProvider, ScopeName, Version)
	if err != nil {
		otel.Handle(err)
	}
	return &Tracer{
		messages: messages, propagator: c.propagator, settleSpans: c.settleSpans,
		broker: messaging.Destination{System: "rabbitmq", Host: c.host, Port: c.port},
	}
}

func (t *Tracer) destination(exchange, key, queue string) messaging.Destination {
	d := t.broker
	d.Exchange, d.RoutingKey, d.Queue = exchange, key, queue
	return d
}

// creation returns the context that headers carry.
func (t *Tracer) creation(headers amqp.Table) trace.SpanContext {
	return trace.SpanContextFromContext(t.propagator.Extract(context.Background(), HeaderCarrier(headers)))
}

// describe says what a message is. Its flow is known only where it is a
// CloudEvent that names one.
func describe(id, correlationID string, headers amqp.Table) messaging.Message {
	m := messaging.Message{ID: id, ConversationID: correlationID}
	if flow := attribute(headers, "flowid"); flow != "" {
		m.FlowID, m.FlowName, m.FlowKey = flow, attribute(headers, "flowname"), attribute(headers, "subject")
	}
	return m
}

// attribute returns a CloudEvents attribute of a message in binary mode.
func attribute(headers amqp.Table, name string) string {
	if v := HeaderCarrier(headers).Get(event.Prefix + name); v != "" {
		return v
	}
	return HeaderCarrier(headers).Get(event.AltPrefix + name)
}
