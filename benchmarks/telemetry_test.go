package benchmarks

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/tracing"
)

// telemetry returns the hooks of two set-ups as a service has them, metrics and
// all, that send their spans to a sink which discards them: one that samples
// nothing and one that samples everything.
func (s *stage) telemetry() (sampledOut, sampled bus.Hook) {
	sink := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	s.b.Cleanup(sink.Close)
	s.b.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", sink.URL)
	s.b.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
	start := func(sampler string) bus.Hook {
		s.b.Setenv("OTEL_TRACES_SAMPLER", sampler)
		t, err := tracing.Start(context.Background(), tracing.Config{Service: "bench", Version: "1.0.0", LogOutput: io.Discard})
		require.NoError(s.b, err)
		s.b.Cleanup(func() {
			s.reportDropped(sampler, t)
			if err := t.Shutdown(context.Background()); err != nil {
				slog.Warn("telemetry did not shut down", "error", err)
			}
		})
		return t.Hooks()[0]
	}
	return start("always_off"), start("parentbased_always_on")
}

// reportDropped says how many spans were dropped before they were exported.
func (s *stage) reportDropped(sampler string, t *tracing.Telemetry) {
	families, err := t.Registry.Gather()
	require.NoError(s.b, err)
	for _, family := range families {
		if strings.HasPrefix(family.GetName(), "laban_telemetry_spans_dropped") {
			for _, m := range family.GetMetric() {
				fmt.Printf("sampler %-24s %9.0f spans dropped\n", sampler, m.GetCounter().GetValue())
			}
		}
	}
}
