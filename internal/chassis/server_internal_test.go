package chassis

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/laban-io/laban/pkg/tracing"
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

// TestARequestContinuesItsTrace: its span is named after the route and is a
// child of the caller's. Nothing is taken from the Host header, in metrics
// neither.
func TestARequestContinuesItsTrace(t *testing.T) {
	exporter := tracetest.NewInMemoryExporter()
	telemetry, err := tracing.Start(t.Context(), tracing.Config{Service: "shop", Local: true, LogOutput: io.Discard, SpanExporter: exporter})
	require.NoError(t, err)
	defer func() { require.NoError(t, telemetry.Shutdown(context.Background())) }()
	r := servePage(t, func(http.ResponseWriter, *http.Request) {}, Options{Telemetry: telemetry})

	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.url+"/pages/42", http.NoBody)
	require.NoError(t, err)
	req.Header.Set("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	req.Host = "evil.example.com:6666"
	res, err := r.client.Do(req)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	r.get("/healthz")
	var span *tracetest.SpanStub
	require.Eventually(t, func() bool {
		require.NoError(t, telemetry.Flush(t.Context()))
		for _, s := range exporter.GetSpans() {
			require.NotContains(t, s.Name, "health", "health checks make no spans")
			if s.Name == "GET /pages/{id}" {
				span = &s
			}
		}
		return span != nil
	}, soon, tick)
	require.Equal(t, "0af7651916cd43dd8448eb211c80319c", span.SpanContext.TraceID().String())
	require.Equal(t, "b7ad6b7169203331", span.Parent.SpanID().String())
	attributes := attribute.NewSet(span.Attributes...)
	route, _ := attributes.Value("http.route")
	require.Equal(t, "/pages/{id}", route.AsString())
	for _, kv := range span.Attributes {
		require.NotContains(t, kv.Value.String(), "evil", string(kv.Key))
		require.NotContains(t, kv.Value.String(), "6666", string(kv.Key))
	}
	_, metrics := r.get("/metrics")
	require.Contains(t, metrics, `http_route="/pages/{id}"`)
	require.NotContains(t, metrics, "evil")
	require.NotContains(t, metrics, `"6666"`)
}

// TestASlowClientIsCutOff: who begins a request and does not go on holds no
// connection for long.
func TestASlowClientIsCutOff(t *testing.T) {
	if testing.Short() {
		t.Skip("it waits for the patience of a server")
	}
	t.Parallel()
	r := servePage(t, func(http.ResponseWriter, *http.Request) {}, Options{})
	conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	require.NoError(t, err)
	defer conn.Close()
	_, err = conn.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\n"))
	require.NoError(t, err)
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(2*readHeaderTimeout)))
	_, err = io.Copy(io.Discard, conn)
	require.NoError(t, err, "the server closed it before our own deadline")
}
