// Package order takes orders over HTTP and knows what became of each.
//
//	POST /orders               → order.placed, which starts the flow
//	POST /orders/{id}/cancel   → order.cancel_requested, at most one an order
//
// It never tells another service what to do. It hears what they did, keeps
// every such fact, and derives an order's status from the set of facts, so that
// the order in which they arrive, and how often, makes no difference.
//
// # What it promises
//
//   - An order and its order.placed exist both or not at all; likewise a cancel
//     request and its event.
//   - A POST with an Idempotency-Key has its effect once, however often and
//     however concurrently it is sent.
//   - Whether an order can be canceled is not decided here: delivery knows
//     whether the parcel left. A cancel request is answered with 202 and its
//     outcome is a later fact.
//   - The payment token goes into order.placed and nowhere else: it is not
//     stored with the order, not returned, not logged.
//
// # What it does not do
//
// It has no catalogue: prices come with the order, in minor units, and only
// their sum is computed here. It authenticates nobody; put it behind something
// that does.
package order
