package metrics

import (
	"encoding/hex"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/laban-io/laban/internal/observer/marker"
	"github.com/laban-io/laban/pkg/flow"
)

// exposition writes metrics for one scrape.
type exposition struct {
	desc *descriptions
	ch   chan<- prometheus.Metric
}

func (e *exposition) gauge(d *prometheus.Desc, value float64, labels ...string) {
	e.ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
}

func (e *exposition) count(d *prometheus.Desc, n uint64, labels ...string) {
	e.ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
}

func (e *exposition) moment(d *prometheus.Desc, at time.Time, labels ...string) {
	e.gauge(d, seconds(at.UnixNano()), labels...)
}

// observer says whether this one watches, and whether it sees.
func (e *exposition) observer(active bool, blind string, reasons []string) {
	e.gauge(e.desc.active, number(active))
	said := map[string]bool{}
	for _, reason := range reasons {
		if reason = label(reason); !said[reason] {
			said[reason] = true
			e.gauge(e.desc.blind, number(reason == label(blind)), reason)
		}
	}
	if blind != "" && !said[label(blind)] {
		e.gauge(e.desc.blind, 1, other)
	}
}

func number(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// log says how far the log was read, and what clocks there are in it.
func (e *exposition) log(live Live, k *known) {
	e.gauge(e.desc.lag, live.Lag.Seconds())
	if !live.LastPulse.IsZero() {
		e.moment(e.desc.pulse, live.LastPulse)
	}
	said := map[string]bool{}
	for _, clock := range live.Clocks {
		if service := label(clock.Service); k.services[service] && !said[service] {
			said[service] = true
			e.gauge(e.desc.clocks, clock.Offset.Seconds(), service)
		}
	}
}

func (e *exposition) markers(s marker.Stats) {
	e.gauge(e.desc.pending, float64(s.Backlog))
	e.count(e.desc.exported, s.Exported)
	e.count(e.desc.rejected, s.Rejected)
	e.count(e.desc.failures, s.Failures)
}

// records says what was read.
func (e *exposition) records(c *counts, malformed []string) {
	e.count(e.desc.events, c.events)
	e.count(e.desc.gaps, c.gaps)
	e.count(e.desc.strays, c.unrouted, "unrouted")
	e.count(e.desc.strays, c.lost, "lost")
	for u := flow.NoChoreography; int(u) < unclaimed; u++ {
		e.count(e.desc.unclaimed, c.unclaimed[u], u.String())
	}
	for _, reason := range malformed {
		c.malformed[label(reason)] += 0
	}
	for reason, n := range c.malformed {
		e.count(e.desc.malformed, n, reason)
	}
}

// flows says what was counted of each choreography.
func (e *exposition) flows(c *counts, k *known) {
	for name := range k.choreographies {
		if c.flows[name] == nil {
			c.flows[name] = &flowCounts{}
		}
	}
	for name, f := range c.flows {
		e.count(e.desc.started, f.started, name)
		e.count(e.desc.clean, f.clean, name)
		e.count(e.desc.spoiled, f.spoiled, name)
		e.count(e.desc.inconsistent, f.inconsistent, name)
		for _, x := range f.latest {
			e.gauge(e.desc.contradiction, seconds(x.at), name, x.key, x.flowID, hex.EncodeToString(x.trace[:]))
		}
		for i, n := range f.deviations {
			e.count(e.desc.deviations, n, name, flow.Deviation(i).String())
		}
		for o := completed; o < outcomes; o++ {
			h := &f.finished[o]
			e.count(e.desc.finished, h.total(), name, o.String())
			e.ch <- h.metric(e.desc.flowDuration, name, o.String())
		}
	}
}

// steps says what was counted of each step. A dead end takes no time that
// anybody could have taken less of.
func (e *exposition) steps(c *counts, k *known) {
	for s := range k.steps {
		if c.steps[s] == nil {
			c.steps[s] = &stepCounts{}
		}
	}
	for s := range k.deadEnds {
		if c.steps[s] == nil {
			c.steps[s] = &stepCounts{}
		}
	}
	for s, counted := range c.steps {
		if _, owed := k.steps[s]; owed || counted.paid.total() > 0 {
			e.ch <- counted.paid.metric(e.desc.stepDuration, s.choreography, s.step, s.service)
		}
		can := k.causesOf(s)
		for i := range counted.stalls {
			cause := flow.Cause(i)
			if counted.stalls[i].n > 0 || slices.Contains(can, cause) {
				e.ch <- counted.stalls[i].metric(e.desc.stalls, s.choreography, s.step, s.service, cause.String())
			}
		}
	}
}
