// Package observertest has what tests of the observer's outputs have in common:
// a real tracker that reads a log which the test makes event by event, a real
// ledger that keeps it, and an observer of both that does what it is told.
package observertest
