// Package messaging writes spans and metrics of messages by the OpenTelemetry
// semantic conventions for messaging, version 1.43.0, with their page on
// RabbitMQ. It is what package tracing (for the bus) and package amqptrace (for
// plain amqp091-go) have in common, so that both write the same.
//
// What is the same for every message of one destination is made once and kept
// in a [Series]: the span's name, its required attributes, and the attribute
// sets of its metrics. How many are kept is bounded, since routing keys may
// come from strangers.
//
// Source: https://opentelemetry.io/docs/specs/semconv/messaging/
package messaging
