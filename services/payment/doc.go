// Package payment charges customers, and gives the money back when an order
// that was paid for ends without being shipped.
//
//	stock.confirmed         → payment.confirmed | payment.rejected
//	order.canceled          → refund.processed, if money was taken
//	delivery.failed         → likewise
//	order.cancel_requested  → nothing, but from then on stock.confirmed is refused
//
// # What it promises
//
//   - Every stock.confirmed is answered, once. Money is taken at most once for an
//     order and given back at most once, whatever crashes, times out or comes
//     twice, and in whatever order it comes.
//   - The provider is never called inside a transaction. The intent to take money
//     is committed first, then the provider is asked with the id of the event
//     that asked for it as the idempotency key, then the answer is committed
//     together with the event that tells it and the note that the trigger was
//     handled. Whatever ends the service in between, the event comes again and is
//     carried on from there.
//   - What was done is said to be done, and then undone: money taken for an order
//     that turns out to be canceled is payment.confirmed, then refund.processed.
//   - A payment token is not stored, and is not in any log line, span or error.
//
// # Who acts
//
// Only the handling of stock.confirmed asks for money; it also refunds, if the
// order turned out to be over by then. An order.canceled or delivery.failed that
// finds a capture under way only leaves word for it. One that finds the money
// taken refunds it.
//
// # What it does not do
//
// It does not decide whether an order is canceled: delivery does. It does not
// know what a provider's answer is worth beyond yes, no and silence. A request
// that the provider leaves unanswered for all attempts is parked, with the
// intent on record: a redrive carries on.
package payment
