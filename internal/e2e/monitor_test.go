package e2e

import (
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// monitors waits until Jaeger's tab Monitor has figures of the service's
// operations: made from spans by Jaeger, kept by Prometheus, asked for by Jaeger.
func (s system) monitors(t *testing.T, service string) {
	t.Helper()
	for metric, query := range map[string]url.Values{
		"calls": {}, "errors": {}, "latencies": {"quantile": {"0.95"}},
	} {
		query["service"], query["groupByOperation"] = []string{service}, []string{"true"}
		query["spanKind"] = []string{"consumer", "producer"}
		query["lookback"], query["step"], query["ratePer"] = []string{"600000"}, []string{"5000"}, []string{"600000"}
		require.Eventually(t, func() bool {
			var found struct {
				Metrics []struct {
					MetricPoints []struct {
						GaugeValue struct{ DoubleValue any } // a number, or "NaN"
					}
				}
			}
			query.Set("endTs", fmt.Sprint(time.Now().UnixMilli()))
			get(t, s.URL("JAEGER_PORT")+"/api/metrics/"+metric+"?"+query.Encode(), &found)
			for _, series := range found.Metrics {
				for _, point := range series.MetricPoints {
					if _, ok := point.GaugeValue.DoubleValue.(float64); ok {
						return true
					}
				}
			}
			return false
		}, time.Minute, time.Second, "Jaeger has no %s of %s", metric, service)
	}
}
