// Package metrics counts what an observer finds, for Prometheus.
//
//	c := metrics.New(metrics.Config{Survey: …, Live: …})
//	err := c.Restore(head.Metrics) // what the ledger kept
//	c.SetContracts(contracts)
//	c.SetActive(true)
//	c.Apply(tracker.Pulse(p)) // again and again
//	batch.Metrics = c.State()
//	registry.MustRegister(c)
//
// # What it promises
//
//   - Counters and histograms are a function of the log: the same transitions
//     give the same state, wherever they were cut, and a state that is restored
//     goes on exactly. So neither a restart nor a replay makes a counter jump.
//   - What contracts in force can count is there from the start, as zeros, so
//     that a rate sees the first event.
//   - Labels are names out of contracts. Flow ids and keys are labels of one
//     series only, of which there are at most three for each step and cause.
//     The number of series is bounded; what does not fit is counted as "other".
//   - It never fails a scrape, whatever names and keys hold.
//
// docs/reference/telemetry.md lists the metrics.
//
// # What it does not do
//
// It measures nothing itself: durations are the tracker's, in log time.
package metrics
