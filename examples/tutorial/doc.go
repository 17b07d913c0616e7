// The tutorial is the order flow that many introductions to choreography show:
// four services react to each other's events, and nobody is in charge. It was
// published with a mistake that its own limits make invisible: payment emits
// "paymentRejected" and inventory listens for "PaymentRejected". Every rejected
// order stops there, with its stock kept back, and nothing says so.
//
// The mistake is left in, so that one can see what finds it:
//
//	go run ./examples/tutorial                # the shop, with an observer built in
//	go run ./cmd/laban where 3                # where is order 3?
//	go run ./cmd/laban check examples/tutorial/published.choreography.yaml
//	go run ./examples/tutorial -fixed         # without the mistake
//
// docs/guides/the-tutorials-mistake.md tells the story. services.go has the
// services, run.go runs them, observe.go observes them.
package main
