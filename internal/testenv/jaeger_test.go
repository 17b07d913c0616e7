package testenv_test

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"

	"github.com/laban-io/laban/internal/testenv"
)

// oneShot keeps no connections, and so no goroutines.
var oneShot = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

func TestJaegerTakesSpansAndShowsThem(t *testing.T) {
	jaeger := testenv.Jaeger(t)
	overHTTP, err := otlptracehttp.New(t.Context(), otlptracehttp.WithEndpointURL(jaeger.OTLPEndpoint+"/v1/traces"), otlptracehttp.WithHTTPClient(oneShot))
	require.NoError(t, err)
	overGRPC, err := otlptracegrpc.New(t.Context(), otlptracegrpc.WithEndpointURL(jaeger.OTLPGRPCEndpoint))
	require.NoError(t, err)
	for name, exporter := range map[string]*otlptrace.Exporter{"http": overHTTP, "grpc": overGRPC} {
		t.Run(name, func(t *testing.T) {
			service := "testenv-" + name + "-" + rand.Text()
			provider := trace.NewTracerProvider(trace.WithSyncer(exporter),
				trace.WithResource(resource.NewSchemaless(attribute.String("service.name", service))))
			_, span := provider.Tracer("testenv").Start(t.Context(), "dance")
			span.End()
			require.NoError(t, provider.Shutdown(t.Context()))

			require.Eventually(t, func() bool { return operation(t, jaeger, span.SpanContext().TraceID().String()) == "dance" },
				patience, 20*time.Millisecond)
		})
	}
}

// operation returns the name of the trace's only span, or nothing if there is
// no such trace.
func operation(t *testing.T, jaeger *testenv.JaegerServer, trace string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, fmt.Sprintf("%s/api/traces/%s", jaeger.QueryURL, trace), http.NoBody)
	require.NoError(t, err)
	resp, err := oneShot.Do(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	var found struct {
		Data []struct {
			Spans []struct {
				OperationName string `json:"operationName"`
			} `json:"spans"`
		} `json:"data"`
	}
	if resp.StatusCode != http.StatusOK || json.NewDecoder(resp.Body).Decode(&found) != nil || len(found.Data) == 0 {
		return ""
	}
	require.Len(t, found.Data[0].Spans, 1)
	return found.Data[0].Spans[0].OperationName
}
