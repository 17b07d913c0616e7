package demo

import (
	"math"
	"slices"
	"time"
)

// quantiles are the durations that q of all are no longer than, for a few q.
type quantiles struct{ p50, p95, p99 time.Duration }

// quantilesOf returns the quantiles of durations by nearest rank: each is one
// that was measured, not something between two. It sorts ds. Of none all are 0.
func quantilesOf(ds []time.Duration) quantiles {
	slices.Sort(ds)
	return quantiles{nearestRank(ds, 0.50), nearestRank(ds, 0.95), nearestRank(ds, 0.99)}
}

// nearestRank returns the smallest of sorted that at least q of all are no
// longer than.
func nearestRank(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	rank := int(math.Ceil(q * float64(len(sorted))))
	return sorted[min(max(rank, 1), len(sorted))-1]
}

// recent keeps the last few durations, for figures of now rather than of all
// time.
type recent struct {
	ds   [256]time.Duration
	next int
	full bool
}

func (r *recent) add(d time.Duration) {
	r.ds[r.next] = d
	r.next++
	if r.next == len(r.ds) {
		r.next, r.full = 0, true
	}
}

func (r *recent) quantiles() quantiles {
	n := r.next
	if r.full {
		n = len(r.ds)
	}
	return quantilesOf(slices.Clone(r.ds[:n]))
}
