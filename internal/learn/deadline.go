package learn

import (
	"math"
	"slices"
	"time"
)

// What makes a deadline of what was seen.
const (
	// margin is what the 99th percentile is multiplied by.
	margin = 3
	// least is the shortest deadline that is proposed.
	least = time.Second
	// fewSamples is below how many a deadline is no more than a first guess.
	fewSamples = 30
	// unseen is the deadline of a reaction whose times are not known at all.
	unseen = time.Minute
)

// quantile returns the nearest rank; 0 for none. It sorts.
func quantile(d []time.Duration, q float64) time.Duration {
	if len(d) == 0 {
		return 0
	}
	slices.Sort(d)
	return d[min(len(d)-1, max(0, int(math.Ceil(q*float64(len(d))))-1))]
}

// proposed returns the deadline for a 99th percentile: with the margin, and
// rounded up to what a person would write.
func proposed(p99 time.Duration) time.Duration {
	want := max(margin*p99, least)
	const day = 24 * time.Hour
	for _, nice := range []time.Duration{
		time.Second, 2 * time.Second, 3 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second, 20 * time.Second,
		30 * time.Second, 45 * time.Second, time.Minute, 90 * time.Second, 2 * time.Minute, 3 * time.Minute, 5 * time.Minute,
		10 * time.Minute, 15 * time.Minute, 20 * time.Minute, 30 * time.Minute, 45 * time.Minute, time.Hour, 2 * time.Hour,
		3 * time.Hour, 4 * time.Hour, 6 * time.Hour, 8 * time.Hour, 12 * time.Hour, day, 2 * day, 3 * day, 5 * day, 7 * day,
		10 * day, 14 * day, 21 * day, 30 * day, 60 * day, 90 * day, 180 * day, 365 * day,
	} {
		if want <= nice {
			return nice
		}
	}
	return 3650 * day
}
