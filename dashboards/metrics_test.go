package dashboards_test

import (
	"context"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/database"
	"github.com/laban-io/laban/internal/observer/metrics"
	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/pkg/outbox"
)

// foreign are metrics that others export: RabbitMQ's plugin rabbitmq_prometheus
// (3.10 and later; the detailed ones of the families queue_coarse_metrics and
// queue_consumer_count), and Prometheus itself.
func foreign() []string {
	return []string{
		"rabbitmq_detailed_queue_messages", "rabbitmq_detailed_queue_messages_ready", "rabbitmq_detailed_queue_messages_unacked", "rabbitmq_detailed_queue_consumers",
		"rabbitmq_global_messages_received_total", "rabbitmq_global_messages_delivered_total", "rabbitmq_global_messages_acknowledged_total", "rabbitmq_global_messages_redelivered_total",
		"rabbitmq_global_messages_unroutable_dropped_total", "rabbitmq_global_messages_unroutable_returned_total",
		"rabbitmq_alarms_memory_used_watermark", "rabbitmq_alarms_free_disk_space_watermark",
		"rabbitmq_connections", "rabbitmq_channels", "rabbitmq_process_resident_memory_bytes", "rabbitmq_resident_memory_limit_bytes",
		"rabbitmq_disk_space_available_bytes", "rabbitmq_disk_space_available_limit_bytes",
		"up", "scrape_duration_seconds", "ALERTS",
	}
}

type silent struct{}

func (silent) Service() string                                            { return "payment" }
func (silent) Prepare(context.Context, event.Event) (*bus.Message, error) { return nil, nil } //nolint:nilnil // never called
func (silent) Relay(context.Context, *bus.Message, func(error))           {}

// exported are the names of all metrics that there are: what the collectors
// describe, what the reference says of telemetry (which tests hold to the
// code), what rules record, and those of others.
func exported(t *testing.T) map[string]bool {
	t.Helper()
	known := map[string]bool{}
	add := func(name string, histogram bool) {
		known[name] = true
		if histogram {
			for _, part := range []string{"_bucket", "_count", "_sum"} {
				known[name+part] = true
			}
		}
	}
	for _, name := range foreign() {
		add(name, false)
	}
	ctx := t.Context()
	db, dialect, err := database.Open(ctx, "sqlite::memory:")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	box, err := outbox.New(db, dialect, silent{}, outbox.Config{})
	require.NoError(t, err)
	for _, c := range []prometheus.Collector{metrics.New(metrics.Config{}), outbox.NewCollector(box)} {
		ch := make(chan *prometheus.Desc, 100)
		c.Describe(ch)
		close(ch)
		for d := range ch {
			name := regexp.MustCompile(`fqName: "([^"]+)"`).FindStringSubmatch(d.String())[1]
			add(name, strings.HasSuffix(name, "_duration_seconds"))
		}
	}
	text, err := os.ReadFile("../docs/reference/telemetry.md")
	require.NoError(t, err)
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| (counter|gauge|histogram) \\|").FindAllStringSubmatch(string(text), -1) {
		add(row[1], row[2] == "histogram")
	}
	_, records := rules(t)
	for _, r := range records {
		add(r.Record, false)
	}
	return known
}

// metricsIn are the names of the metrics that a query reads.
func metricsIn(t *testing.T, query string) (names []string) {
	t.Helper()
	e, err := parser.ParseExpr(query)
	require.NoError(t, err, query)
	parser.Inspect(e, func(n parser.Node, _ []parser.Node) error {
		if v, ok := n.(*parser.VectorSelector); ok {
			require.NotEmpty(t, v.Name, "%s selects by no name", query)
			for _, m := range v.LabelMatchers {
				if m.Name != labels.MetricName {
					require.NotContains(t, []string{"key", "flow_id", "trace_id"}, m.Name, query)
				}
			}
			names = append(names, v.Name)
		}
		return nil
	})
	return names
}

// What is said of the outbox has to be there, and all of it.
func TestMetricsOfTheOutboxAreInTheReference(t *testing.T) {
	text, err := os.ReadFile("../docs/reference/telemetry.md")
	require.NoError(t, err)
	_, chapter, found := strings.Cut(string(text), "\n## Metrics of the outbox\n")
	require.True(t, found)
	chapter, _, _ = strings.Cut(chapter, "\n## ")
	documented := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\|").FindAllStringSubmatch(chapter, -1) {
		documented[row[1]] = true
	}
	described := map[string]bool{}
	for name := range exported(t) {
		if strings.HasPrefix(name, "laban_outbox_") || strings.HasPrefix(name, "laban_inbox_") {
			described[name] = true
		}
	}
	require.Equal(t, described, documented)
}
