// Package choreographytest holds the five services together to what they
// promise as one: it runs them on one broker, each with its own database, and
// leads orders to every fate. It consists of tests only.
//
// What must hold, whatever happens on the way (the names of the checks in
// invariants_test.go):
//
//   - stock is conserved;
//   - what was captured and not refunded is the value of what was shipped;
//   - an order has outcomes of one class;
//   - each change is mailed once;
//   - nothing is owed under the contract, nothing was done that was not owed, and
//     no message is parked.
package choreographytest
