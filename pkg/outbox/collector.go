package outbox

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Collector exports to Prometheus, with the label service:
//
//   - laban_outbox_backlog: rows to be published, counted up to 100,000
//   - laban_outbox_oldest_timestamp_seconds: when the oldest of them was
//     stored; absent if there is none, so that time() - x is an age or nothing
//   - laban_outbox_failed: rows that are set aside
//   - laban_outbox_published_total: rows that the broker has confirmed
//   - laban_inbox_duplicates_total: events that were handled before
//
// While the database does not answer, the first three are absent.
type Collector struct {
	outbox *Outbox

	backlog, oldest, failed, published, duplicates *prometheus.Desc

	mu     sync.Mutex
	asked  time.Time
	stats  Stats
	err    error
	silent bool // the database's silence has been logged
}

var _ prometheus.Collector = (*Collector)(nil)

// collectTimeout bounds the query of a scrape; within collectAge, scrapes get
// the answer to the last one.
const (
	collectTimeout = time.Second
	collectAge     = time.Second
)

// NewCollector returns a collector for o.
func NewCollector(o *Outbox) *Collector {
	labels := prometheus.Labels{"service": o.sender.Service()}
	desc := func(name, help string) *prometheus.Desc { return prometheus.NewDesc(name, help, nil, labels) }
	return &Collector{
		outbox:     o,
		backlog:    desc("laban_outbox_backlog", "Events in the outbox that are to be published, counted up to 100,000."),
		oldest:     desc("laban_outbox_oldest_timestamp_seconds", "When the oldest event that is to be published was stored; absent if there is none."),
		failed:     desc("laban_outbox_failed", "Events in the outbox that can't be published and are set aside, counted up to 100,000."),
		published:  desc("laban_outbox_published_total", "Events from the outbox that the broker has confirmed."),
		duplicates: desc("laban_inbox_duplicates_total", "Events that came again after they had been handled."),
	}
}

// Describe implements [prometheus.Collector].
func (c *Collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range [...]*prometheus.Desc{c.backlog, c.oldest, c.failed, c.published, c.duplicates} {
		ch <- d
	}
}

// Collect implements [prometheus.Collector].
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v)
	}
	if s, err := c.ask(); err == nil {
		gauge(c.backlog, float64(s.Backlog))
		gauge(c.failed, float64(s.Failed))
		if !s.Oldest.IsZero() {
			gauge(c.oldest, float64(s.Oldest.UnixMicro())/1e6)
		}
	}
	ch <- prometheus.MustNewConstMetric(c.published, prometheus.CounterValue, float64(c.outbox.published.Load()))
	ch <- prometheus.MustNewConstMetric(c.duplicates, prometheus.CounterValue, float64(c.outbox.duplicates.Load()))
}

// ask returns the stats, at most collectAge old.
func (c *Collector) ask() (Stats, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.asked.IsZero() && time.Since(c.asked) < collectAge {
		return c.stats, c.err
	}
	ctx, cancel := context.WithTimeout(context.Background(), collectTimeout)
	defer cancel()
	c.stats, c.err = c.outbox.Stats(ctx)
	c.asked = time.Now()
	if c.err != nil && !c.silent {
		c.outbox.cfg.Logger.Warn("the outbox can't be measured; its backlog is unknown until the database answers", "error", c.err)
	}
	c.silent = c.err != nil
	return c.stats, c.err
}
