// Package explorer is the observer's pages: which flows there are, where one of
// them is and why, what a contract looks like at work, which messages were
// parked, and how the observer itself fares.
//
//	pages, err := explorer.New(explorer.Config{Reader: ledger, Observer: observer})
//	a, err := api.New(api.Config{…, Pages: pages})
//
// # What it promises
//
//   - Pages are whole without a script; the script only keeps them up to date,
//     and adds keys and the theme.
//   - What a page shows is in its address.
//   - Nothing is loaded from another origin, and no text of a message becomes
//     markup, script or style.
//   - Status is told by word and shape as well as by colour.
//
// # What it does not do
//
// It changes nothing by itself. Where it is given a desk (package parked), a
// person can have parked messages sent again or discarded: by a form that says
// beforehand what will happen, that only this process knows, and that a page of
// another site can't post. Who may see and do this is decided by package api,
// which serves it.
package explorer
