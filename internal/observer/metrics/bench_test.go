package metrics_test

import "testing"

// BenchmarkApply counts the transitions of history, 15 of them.
func BenchmarkApply(b *testing.B) {
	c, ts := collect(), history()
	c.Apply(ts)
	b.ReportAllocs()
	for b.Loop() {
		c.Apply(ts)
	}
}
