// Package inventory keeps stock: it reserves what an order asks for, all of it
// or none, and takes it back when the order ends without being shipped.
//
//	order.placed            → stock.confirmed | stock.rejected
//	payment.rejected        → stock.returned, if stock was reserved
//	order.canceled          → likewise
//	delivery.failed         → likewise
//	order.cancel_requested  → nothing, but from then on order.placed is refused
//
// # What it promises
//
//   - What is available and what is held always add up to the initial stock.
//   - Every order.placed is answered, once; stock that was reserved for an order
//     that then ended is returned, once. The order in which events come, and how
//     often, makes no difference.
//   - What is done for an event (the stock, the order's row, the events that are
//     published, and the note that the event was handled) is one transaction.
//
// # What it does not do
//
// It does not restock: the configured stock is what there is when a SKU is seen
// for the first time. It does not ask why an order ended. The payment token that
// passes through is neither stored nor logged.
package inventory
