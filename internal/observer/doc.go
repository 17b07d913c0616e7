// Package observer watches a broker's log and knows every flow in it.
//
// It reads one stream, gives what it reads to a [flow.Tracker], keeps what that
// finds in a [ledger.Ledger], and tells it: as metrics, as spans in the flows'
// own traces, as log lines and over HTTP. It never acts: stop it, and no flow
// behaves differently.
package observer
