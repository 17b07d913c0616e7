// Package process is the whole of laban observe: it opens what a configuration
// names, runs an observer with its metrics, markers and HTTP API, and stops
// them in order. Replaying a log into a new ledger is here, too, and checking
// what would be observed.
//
// What it opens it closes, after the last commit.
package process
