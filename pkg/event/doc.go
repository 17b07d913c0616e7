// Package event is the envelope that every event travels in: CloudEvents 1.0
// in binary mode on AMQP 0-9-1.
//
// An [Event] is an immutable fact. A service says what happened and the data
// that goes with it:
//
//	event.New("payment.confirmed", Payment{Order: "1042", Amount: 4900})
//
// and package bus fills in the rest from the context of the handler that
// publishes it: id, source, time, the flow it belongs to, and what caused it.
//
// [Marshal] and [Unmarshal] turn an event into AMQP properties, headers and a
// body, and back. Marshal is strict: it refuses an event that another
// implementation might not read. Unmarshal is tolerant: it takes either header
// prefix, structured mode, and plain AMQP messages of services that know
// nothing of CloudEvents, and refuses only what cannot be identified or is
// unsafe to store.
//
// The package knows no transport and no telemetry. Its only imports are the
// standard library and a ULID generator.
package event
