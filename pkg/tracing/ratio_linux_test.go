package tracing_test

import (
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// BenchmarkRatio does pairs in both ways in turns and compares the CPU time
// that the whole process took for them, exporting and collecting garbage
// included. So it is of use on a machine that others use as well, where the
// time by the wall says little: the ratios are of medians, and the best of all
// turns is what comes nearest to the cost on a machine of one's own.
func BenchmarkRatio(b *testing.B) {
	for name, r := range rigs() {
		b.Run(name, func(b *testing.B) {
			ways := []pair{r.bare(b), r.hooks(b, true), r.hooks(b, false)}
			const chunk = 1000
			took := make([][]float64, len(ways))
			for b.Loop() {
				for i, once := range ways {
					start := cpuTime(b)
					for range chunk {
						once()
					}
					took[i] = append(took[i], float64(cpuTime(b)-start)/chunk)
				}
			}
			b.ReportMetric(0, "ns/op")
			bare, hooks, noMetrics := median(took[0]), median(took[1]), median(took[2])
			b.ReportMetric(took[0][0], "bare-best-cpu-ns")
			b.ReportMetric(took[1][0], "hooks-best-cpu-ns")
			b.ReportMetric(hooks/bare, "hooks/bare")
			b.ReportMetric(noMetrics/bare, "nometrics/bare")
		})
	}
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// cpuTime is what the process has used so far, in nanoseconds.
func cpuTime(b *testing.B) int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &t); err != nil {
		b.Fatal(err)
	}
	return t.Nano()
}
