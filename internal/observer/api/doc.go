// Package api is the observer's HTTP API: what is known of every flow, as JSON
// and as one sentence.
//
//	a, err := api.New(api.Config{Reader: ledger, Observer: observer, Metrics: metrics})
//	listener, err := api.Listen(ctx, "127.0.0.1:7070", token)
//	err = a.Serve(ctx, listener)
//
// It describes itself at /openapi.json and /openapi.yaml; the same document is
// docs/reference/openapi.yaml. Errors are problem details (RFC 9457).
//
// # What it promises
//
//   - It answers from the ledger and changes nothing, but for closing a flow,
//     which is an event in the log.
//   - While the observer is blind, the sentence says so.
//   - Without a token it serves loopback only, and no page of another site can
//     make a browser read or change anything (DNS rebinding, CSRF). With one,
//     everything but metrics and health asks for it.
//   - Every input, answer and wait is bounded. A client of the event stream that
//     reads too slowly is cut off, and told.
//
// # What it does not do
//
// It has no users and no rights: who has the token may do everything. It speaks
// plain HTTP; what is reached from elsewhere belongs behind a proxy with TLS.
package api
