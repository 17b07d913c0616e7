// Package bustest is the suite that every [bus.Transport] passes. It is what
// "the same semantics" means: what a service may rely on is tested here, once,
// against every transport, and nowhere else.
//
// A transport's own tests describe it by a [Harness] and call [Run]:
//
//	func TestTransport(t *testing.T) {
//		bustest.Run(t, bustest.Harness{New: newBroker, Features: …})
//	}
//
// Each test has a [Broker] to itself. No test sleeps: it waits for what it
// expects, for at most [Harness.Patience], and where it expects that nothing
// happens it sends something after it and waits for that.
package bustest
