// Package benchmarks measures Laban beside its peers, in one run, against one
// broker, on one machine: a ratio means something where a figure does not.
//
// It is a module of its own, so that the peers stay out of Laban's go.mod. Run
// it by "make bench" in the project's root; docs/benchmarks.md has the results.
package benchmarks
