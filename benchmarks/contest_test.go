package benchmarks

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// contender does one and the same work in its own way.
type contender struct {
	name string
	// prepare makes n pieces of work ready; its time does not count.
	prepare func(n int)
	// run does the work n times and returns when all of it is done.
	run func(n int)
	// beside names the contender whose rate is 1; the first where it is empty.
	beside string
}

// against sets whom a contender is compared with.
func (c contender) against(name string) contender {
	c.beside = name
	return c
}

// contest lets the contenders work in turns, so that whatever else the machine
// does meets them alike, and reports for each the median rate and its ratio to
// that of the one it is compared with. b.N is the number of messages a turn (-benchtime 20000x).
func contest(b *testing.B, rounds int, contenders ...contender) {
	b.Helper()
	rates := make([][]float64, len(contenders))
	for _, c := range contenders { // warm up: connections, queues, caches
		c.prepare(max(b.N/10, 1))
		c.run(max(b.N/10, 1))
	}
	b.ResetTimer()
	for range rounds {
		for i, c := range contenders {
			c.prepare(b.N)
			start := time.Now()
			c.run(b.N)
			rates[i] = append(rates[i], float64(b.N)/time.Since(start).Seconds())
		}
	}
	b.StopTimer()
	if b.N == 1 {
		return // the harness's trial run
	}
	// Ratios are taken round by round, so that a slow spell of the machine
	// falls out of them.
	for i, c := range contenders {
		peer := max(0, slices.IndexFunc(contenders, func(other contender) bool { return other.name == c.beside }))
		ratios := make([]float64, rounds)
		for r := range rounds {
			ratios[r] = rates[i][r] / rates[peer][r]
		}
		unit := strings.NewReplacer(", ", ",", " ", "_").Replace(c.name)
		b.ReportMetric(median(rates[i]), unit+":msg/s")
		b.ReportMetric(median(ratios), unit+":ratio")
		fmt.Printf("%-34s %9.0f msg/s  %5.2f of %s (%.2f to %.2f)\n", c.name, median(rates[i]),
			median(ratios), contenders[peer].name, slices.Min(ratios), slices.Max(ratios))
	}
	b.ReportMetric(0, "ns/op") // of all contenders together: says nothing
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
