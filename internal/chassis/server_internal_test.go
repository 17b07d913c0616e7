package chassis

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// servePage runs a service with one page.
func servePage(t *testing.T, page http.HandlerFunc, opts Options) *run {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /pages/{id}", page)
	r := startRun(t, testSpec(func(context.Context, Parts) (Service, error) { return Service{HTTP: mux}, nil }), opts)
	r.waitStarted()
	return r
}

func TestAPanicIsAProblemAndALogLine(t *testing.T) {
	r := servePage(t, func(http.ResponseWriter, *http.Request) { panic("out of tea") }, Options{})
	res, err := r.client.Get(r.url + "/pages/1")
	require.NoError(t, err)
	defer res.Body.Close()
	require.Equal(t, http.StatusInternalServerError, res.StatusCode)
	require.Equal(t, "application/problem+json", res.Header.Get("Content-Type"))
	var problem map[string]any
	require.NoError(t, json.NewDecoder(res.Body).Decode(&problem))
	require.NotContains(t, problem["detail"], "tea", "the client is not told what")
	require.Contains(t, r.log.String(), "out of tea")
	status, _ := r.get("/healthz")
	require.Equal(t, http.StatusOK, status)
}

// TestAPanicInTheMiddleOfAnAnswerCutsIt: half an answer must not look whole.
func TestAPanicInTheMiddleOfAnAnswerCutsIt(t *testing.T) {
	r := servePage(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("half"))
		_ = http.NewResponseController(w).Flush()
		panic("out of tea")
	}, Options{})
	status, text := r.get("/pages/1")
	require.Zero(t, status, "the client sees that it broke off: %s", text)
}

func TestARequestHasADeadline(t *testing.T) {
	left := make(chan time.Duration, 1)
	r := servePage(t, func(_ http.ResponseWriter, r *http.Request) {
		deadline, _ := r.Context().Deadline()
		left <- time.Until(deadline)
	}, Options{})
	r.get("/pages/1")
	d := <-left
	require.Positive(t, d)
	require.LessOrEqual(t, d, requestTimeout)
}

// TestARequestContinuesItsTrace: its span is named after the route, is a child
// of the caller's, and takes nothing from the Host header.
func TestARequestContinuesItsTrace(t *testing.T) {
	exporter := tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter))
	defer func() { require.NoError(t, provider.Shutdown(context.Background())) }()
	r := servePage(t, func(http.ResponseWriter, *http.Request) {}, Options{TracerProvider: provider, Propagator: propagation.TraceContext{}})

	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.url+"/pages/42", nil)
	require.NoError(t, err)
	req.Header.Set("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	req.Host = "evil.example.com"
	res, err := r.client.Do(req)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	var spans tracetest.SpanStubs
	require.Eventually(t, func() bool { spans = exporter.GetSpans(); return len(spans) > 0 }, soon, tick)
	r.get("/healthz")
	require.Len(t, exporter.GetSpans(), 1, "health checks make no spans")
	require.Equal(t, "GET /pages/{id}", spans[0].Name)
	require.Equal(t, "0af7651916cd43dd8448eb211c80319c", spans[0].SpanContext.TraceID().String())
	require.Equal(t, "b7ad6b7169203331", spans[0].Parent.SpanID().String())
	attributes := attribute.NewSet(spans[0].Attributes...)
	route, _ := attributes.Value("http.route")
	require.Equal(t, "/pages/{id}", route.AsString())
	for _, kv := range spans[0].Attributes {
		require.NotContains(t, kv.Value.Emit(), "evil", string(kv.Key))
	}
}
