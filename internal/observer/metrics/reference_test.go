package metrics_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/observer/metrics"
)

func TestEveryMetricIsInTheReference(t *testing.T) {
	text, err := os.ReadFile("../../../docs/reference/telemetry.md")
	require.NoError(t, err)
	_, chapter, found := strings.Cut(string(text), "\n## Metrics of the observer\n")
	require.True(t, found)
	chapter, _, _ = strings.Cut(chapter, "\n## ")
	documented := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(laban_[^`]+)` \\| (\\w+) \\|").FindAllStringSubmatch(chapter, -1) {
		documented[row[1]] = row[2]
	}
	ch := make(chan *prometheus.Desc, 100)
	metrics.New(metrics.Config{}).Describe(ch)
	close(ch)
	name := regexp.MustCompile(`fqName: "([^"]+)"`)
	described := map[string]string{}
	exposed := scrape(t, counted(), classic)
	for d := range ch {
		fq := name.FindStringSubmatch(d.String())[1]
		typ := regexp.MustCompile(`(?m)^# TYPE ` + fq + ` (\w+)$`).FindStringSubmatch(exposed)
		require.NotNil(t, typ, "%s is described and not exported", fq)
		described[fq] = typ[1]
	}
	require.Equal(t, described, documented)
}
