package tracing_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/laban-io/laban/pkg/bus"
)

// point is a data point of any kind.
type point struct {
	attrs  map[string]any
	count  uint64
	sum    float64
	bounds []float64
}

func points(m metricdata.Metrics) []point {
	var all []point
	switch data := m.Data.(type) {
	case metricdata.Sum[int64]:
		for _, p := range data.DataPoints {
			all = append(all, point{attrs: set(p.Attributes), count: uint64(p.Value)})
		}
	case metricdata.Histogram[float64]:
		for _, p := range data.DataPoints {
			all = append(all, point{attrs: set(p.Attributes), count: p.Count, sum: p.Sum, bounds: p.Bounds})
		}
	}
	return all
}

func set(s attribute.Set) map[string]any { return asMap(s.ToSlice()) }

func TestMessagingMetrics(t *testing.T) {
	r := record(t)
	m := message()
	r.publish(context.Background(), m, nil)
	r.process(context.Background(), deliver(m, "delivery", 1), bus.Verdict{}, nil)
	metrics := r.metrics()
	require.Len(t, metrics, 4)

	common := map[string]any{"messaging.system": "rabbitmq", "server.address": "rabbit.example", "server.port": int64(5672)}
	with := func(more ...string) map[string]any {
		m := make(map[string]any)
		for k, v := range common {
			m[k] = v
		}
		for i := 0; i < len(more); i += 2 {
			m[more[i]] = more[i+1]
		}
		return m
	}
	const name, kind, destination = "messaging.operation.name", "messaging.operation.type", "messaging.destination.name"
	published, processed := "events:payment.confirmed", "events:payment.confirmed:delivery"
	buckets := []float64{.005, .01, .025, .05, .075, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10}
	for metric, want := range map[string]struct {
		unit   string
		points []point
	}{
		"messaging.client.operation.duration": {"s", []point{
			{with(name, "publish", kind, "send", destination, published), 1, .003, buckets},
			{with(name, "ack", kind, "settle", destination, processed), 1, .001, buckets},
		}},
		"messaging.client.sent.messages":     {"{message}", []point{{with(name, "publish", destination, published), 1, 0, nil}}},
		"messaging.client.consumed.messages": {"{message}", []point{{with(name, "process", destination, processed), 1, 0, nil}}},
		"messaging.process.duration":         {"s", []point{{with(name, "process", destination, processed), 1, .02, buckets}}},
	} {
		t.Run(metric, func(t *testing.T) {
			require.Equal(t, want.unit, metrics[metric].Unit)
			got := points(metrics[metric])
			require.Len(t, got, len(want.points))
			for _, w := range want.points {
				require.Contains(t, got, w, cmp.Diff(want.points, got, cmp.AllowUnexported(point{})))
			}
		})
	}
}

func TestMessagingMetricsOfFailures(t *testing.T) {
	r := record(t)
	r.publish(context.Background(), message(), bus.ErrBlocked)
	r.process(context.Background(), deliver(message(), "delivery", 1), bus.Verdict{Action: bus.Park, Err: bus.ErrNoHandler}, nil)
	for metric, want := range map[string]string{
		"messaging.client.sent.messages": "blocked", "messaging.client.consumed.messages": "no_handler", "messaging.process.duration": "no_handler",
	} {
		got := points(r.metrics()[metric])
		require.Len(t, got, 1)
		require.Equal(t, want, got[0].attrs["error.type"], metric)
	}
}

// A stranger who makes up routing keys makes neither span names nor series
// without end; the attribute still has the key.
func TestMadeUpRoutingKeys(t *testing.T) {
	const keys = 1200
	r := record(t)
	for i := range keys {
		m := message()
		m.RoutingKey = "k" + strconv.Itoa(i)
		r.process(context.Background(), deliver(m, "delivery", 1), bus.Verdict{}, nil)
	}
	names := make(map[string]bool)
	for i, s := range r.spans.GetSpans() {
		names[s.Name] = true
		require.Equal(t, fmt.Sprintf("events:k%d:delivery", i), asMap(s.Attributes)["messaging.destination.name"])
	}
	require.LessOrEqual(t, len(names), 501)
	require.True(t, names["process"])
	got := points(r.metrics()["messaging.process.duration"])
	require.LessOrEqual(t, len(got), 501)
	var total uint64
	for _, p := range got {
		total += p.count
	}
	require.Equal(t, uint64(keys), total)
}

func TestServerNamedQueue(t *testing.T) {
	r := record(t)
	r.process(context.Background(), deliver(message(), "amq.gen-Xa2", 1), bus.Verdict{Action: bus.Ack, Err: errors.New("unused")}, nil)
	attrs := asMap(r.span("process events:payment.confirmed:(anonymous)").Attributes)
	require.Equal(t, "events:payment.confirmed:amq.gen-Xa2", attrs["messaging.destination.name"])
	require.Equal(t, "events:payment.confirmed:(anonymous)", attrs["messaging.destination.template"])
	require.Equal(t, true, attrs["messaging.destination.anonymous"])
	got := points(r.metrics()["messaging.process.duration"])
	require.Equal(t, "events:payment.confirmed:(anonymous)", got[0].attrs["messaging.destination.template"])
	require.NotContains(t, got[0].attrs, "messaging.destination.name")
}
