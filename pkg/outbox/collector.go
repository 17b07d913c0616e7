package outbox

import "github.com/prometheus/client_golang/prometheus"

// Collector exports an outbox's state to Prometheus.
type Collector struct{ outbox *Outbox }

var _ prometheus.Collector = (*Collector)(nil)

// NewCollector returns a collector for o.
func NewCollector(o *Outbox) *Collector { return &Collector{outbox: o} }

// Describe implements [prometheus.Collector].
func (c *Collector) Describe(ch chan<- *prometheus.Desc) {}

// Collect implements [prometheus.Collector].
func (c *Collector) Collect(ch chan<- prometheus.Metric) {}
