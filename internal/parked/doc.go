// Package parked is what a person does about messages that no service will
// process any more: those that a service gave up on (parked), copies whose
// queue was missing (lost), and events that no queue asked for (unrouted). It
// lists them, says what sending one again would do to its flow, puts them back
// into the queue of the one service that they are for, or discards them.
//
// A [Desk] does this at a [Store], which is RabbitMQ ([AMQP]) or a broker in
// this process ([Memory]). Nothing happens unless somebody calls
// [Desk.Redrive] or [Desk.Discard]: the observer, which never acts, imports
// this package for its pages only.
//
// # What it promises
//
//   - Looking changes nothing. What waits is read from the log and from
//     streams, never from the queues themselves (docs/adr/0010-parked-messages.md).
//   - A redriven message keeps its id, its attributes and all headers but those
//     of its attempts. It goes to the queue of its service and to no other.
//   - A message leaves its box only after the broker has confirmed the copy that
//     was sent, so that none is lost however the program ends.
//   - The copy that is sent and the line in the log that says so are one publish.
//     A program that was killed between sending and removing is therefore found
//     out by the next one, which removes and does not send again.
//   - Who did what and why is in the log, and from there in the ledger.
//
// # What it does not promise
//
// AMQP has no transaction over two queues. Where a connection is lost before
// the confirm, the message is sent again; the inbox of a service, which knows
// message ids, is what makes a second copy harmless. Events that were unrouted
// stay in their stream, which nothing can be removed from.
package parked
