package metrics

import (
	"encoding/hex"
	"math"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// buckets is how many there are, without that of what is longer than all.
const buckets = 18

// bounds are the upper bounds of the buckets: from a service that answers at
// once to a person who has to look for a parcel.
func bounds() [buckets]time.Duration {
	const ms, s, m = time.Millisecond, time.Second, time.Minute
	return [buckets]time.Duration{
		5 * ms, 10 * ms, 25 * ms, 50 * ms, 100 * ms, 250 * ms, 500 * ms,
		1 * s, 2500 * ms, 5 * s, 10 * s, 30 * s,
		1 * m, 2 * m, 5 * m, 10 * m, 30 * m, 60 * m,
	}
}

// histogram counts durations. The zero value is empty.
type histogram struct {
	counts    [buckets + 1]uint64
	sum       int64 // nanoseconds, at most the largest number
	exemplars [buckets + 1]exemplar
}

// exemplar is one thing that was counted, with the trace that shows it. The
// zero value is none.
type exemplar struct {
	trace   [16]byte
	sampled bool
	at      int64 // log time, in Unix nanoseconds
	value   int64 // nanoseconds
}

// replace puts the newer one in place, but never a trace without spans in that
// of one with.
func (e *exemplar) replace(by exemplar) {
	if by.at != 0 && (by.sampled || !e.sampled) {
		*e = by
	}
}

func (h *histogram) observe(d time.Duration, e exemplar) {
	d = max(d, 0)
	limits := bounds()
	i, _ := slices.BinarySearch(limits[:], d)
	h.counts[i]++
	if h.sum > math.MaxInt64-int64(d) {
		h.sum = math.MaxInt64
	} else {
		h.sum += int64(d)
	}
	e.value = int64(d)
	h.exemplars[i].replace(e)
}

// metric returns h as Prometheus has it.
func (h *histogram) metric(desc *prometheus.Desc, labels ...string) prometheus.Metric {
	cumulative := make(map[float64]uint64, buckets)
	total := uint64(0)
	for i, bound := range bounds() {
		total += h.counts[i]
		cumulative[bound.Seconds()] = total
	}
	total += h.counts[buckets]
	m := prometheus.MustNewConstHistogram(desc, total, seconds(h.sum), cumulative, labels...)
	var exemplars []prometheus.Exemplar
	for i := range h.exemplars {
		if e := &h.exemplars[i]; e.at != 0 {
			exemplars = append(exemplars, e.exemplar(seconds(e.value)))
		}
	}
	if len(exemplars) == 0 {
		return m
	}
	return prometheus.MustNewMetricWithExemplars(m, exemplars...)
}

// exemplar returns e as Prometheus has it. Its label is well within the 128
// characters that OpenMetrics allows.
func (e *exemplar) exemplar(value float64) prometheus.Exemplar {
	return prometheus.Exemplar{
		Value: value, Timestamp: time.Unix(0, e.at),
		Labels: prometheus.Labels{"trace_id": hex.EncodeToString(e.trace[:])},
	}
}

func seconds(ns int64) float64 { return float64(ns) / 1e9 }

// counter counts, and remembers one of what it counted. The zero value is 0.
type counter struct {
	n    uint64
	last exemplar
}

func (c *counter) add(e exemplar) {
	c.n++
	c.last.replace(e)
}

// metric returns c as Prometheus has it.
func (c *counter) metric(desc *prometheus.Desc, labels ...string) prometheus.Metric {
	m := prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(c.n), labels...)
	if c.last.at == 0 {
		return m
	}
	return prometheus.MustNewMetricWithExemplars(m, c.last.exemplar(1))
}

// total returns how many were counted.
func (h *histogram) total() uint64 {
	n := uint64(0)
	for _, in := range h.counts {
		n += in
	}
	return n
}
