// Package amqpbus is the bus's transport on RabbitMQ, 3.10 or later, over AMQP
// 0-9-1.
//
//	transport, err := amqpbus.Open(ctx, amqpbus.Config{URLs: []string{"amqps://…"}})
//	defer transport.Close(ctx)
//	b, err := bus.New(bus.Config{Service: "payment"}, transport)
//
// # Topology
//
// Everything below is declared at the start of each session, idempotently:
//
//	publishers ─▶ events (topic) ──#──▶ events.log       (stream: the log)
//	                     └────#──▶ events.route (topic) ──keys──▶ <service>   (quorum queue)
//	                                   └ alternate ▶ events.unrouted (stream)
//	 failed, try again ─▶ events.retry ──#──▶ events.log
//	                          └──#──▶ events.retry.route ─▶ <service>.retry.<level> (TTL) ─▶ <service>
//	 failed for good   ─▶ events.dead  ──#──▶ events.log
//	                          └──#──▶ events.dead.route  ─▶ <service>.parked
//	                                    └ both routes: alternate ▶ events.lost (quorum queue)
//
// The exchanges come in pairs because a "#" binding on the exchange that is
// published to would hide messages that no service's queue takes: with the log
// bound, nothing would ever be unroutable.
//
// # What it promises
//
//   - Send is done when the broker has confirmed the message to disk on a
//     majority, and not before. What a lost connection left unconfirmed is sent
//     again, in order and with the same id, until its deadline.
//   - A delivery is settled within the session it came by, never by a channel
//     that was opened later, so that a late acknowledgement can't remove a
//     message that nobody processed.
//   - A retried or parked copy is confirmed before the original is acknowledged.
//   - Every wait has a deadline, also a write to a broker that reads nothing.
//   - No lost connection is final. What no retry can mend is an error at once:
//     see [ConflictError] and [AccessError].
//
// # What it does not do
//
// It does not use amqp091-go's own recovery, which renumbers delivery tags under
// a consumer's feet. It does not know telemetry: that is attached to the bus.
package amqpbus
