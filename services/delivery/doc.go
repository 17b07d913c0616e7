// Package delivery ships what is paid for, and decides whether an order can
// still be canceled: it alone knows whether the parcel left.
//
//	payment.confirmed       → order.shipped | delivery.failed, unless the order is canceled
//	order.cancel_requested  → order.canceled | order.cancel_refused
//
// # What it promises
//
//   - An order is either canceled or handed to the carrier, never both. What comes
//     first to the order's row decides: a request to cancel, or the intent to
//     ship.
//   - The carrier gets one parcel for an order at most, whatever crashes, times
//     out or comes twice. It is never called inside a transaction: the intent to
//     ship is committed first (from here on a cancel is refused), then the carrier
//     is asked with the id of payment.confirmed as the idempotency key, then the
//     answer is committed together with the event that tells it and the note that
//     the trigger was handled.
//   - Every distinct request to cancel is answered, once, and all of them alike.
//
// # What it does not do
//
// It undoes nothing: inventory and payment hear order.canceled and
// delivery.failed and do that. A parcel that the carrier leaves unanswered for
// all attempts is parked with the intent on record: a redrive carries on.
package delivery
