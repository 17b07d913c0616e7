// Package choreography is the contract language: which events begin a flow,
// who reacts to what with which answers and within what time, and which events
// decide how a flow went.
//
// [Parse] reads a contract from YAML and returns everything that is wrong with
// it at once, each with its place and a hint. [Check] looks for what is well
// written and can't be meant: events that nobody emits, flows that end nowhere,
// steps that a failed flow would leave undone. [CheckLive] compares contracts
// with what running services say of themselves. [Marshal] writes a contract,
// [Render] draws one, [Schema] is its JSON Schema.
//
// The package promises that the same input gives the same output, in the same
// order; that input from strangers costs no more than reading it, within the
// bounds Max…; and that the codes of problems stay what they are. It says
// nothing of whether services keep to a contract while they run: that is what
// package flow does.
//
// docs/reference/choreography.md tells the language, docs/reference/check.md
// what the checks find.
package choreography
