package tracing_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	collogspb "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	colmetricspb "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/pkg/tracing"
)

// start starts local telemetry whose log lines are in the returned buffer.
func start(t *testing.T, cfg tracing.Config) (*tracing.Telemetry, *syncBuffer) {
	t.Helper()
	logs := &syncBuffer{}
	if cfg.Service == "" {
		cfg.Service = "payment"
	}
	cfg.Local, cfg.LogOutput = true, logs
	tel, err := tracing.Start(context.Background(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = tel.Shutdown(ctx) // tests that care have called it
	})
	return tel, logs
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// scrape gets the metrics as Prometheus does.
func scrape(t *testing.T, tel *tracing.Telemetry) string {
	t.Helper()
	request := httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody)
	request.Header.Set("Accept", "application/openmetrics-text;version=1.0.0")
	response := httptest.NewRecorder()
	tel.Handler().ServeHTTP(response, request)
	require.Equal(t, http.StatusOK, response.Code, response.Body)
	require.Contains(t, response.Header().Get("Content-Type"), "application/openmetrics-text")
	return response.Body.String()
}

// sample is the value of the one series whose line begins with name and has all
// of the labels.
func sample(t *testing.T, metrics, name string, labels ...string) string {
	t.Helper()
	for line := range strings.Lines(metrics) {
		if !strings.HasPrefix(line, name+"{") && !strings.HasPrefix(line, name+" ") {
			continue
		}
		found := true
		for _, l := range labels {
			found = found && strings.Contains(line, l)
		}
		if found {
			_, rest, ok := strings.Cut(line, "} ")
			if !ok {
				_, rest, _ = strings.Cut(line, " ")
			}
			return strings.Fields(rest)[0]
		}
	}
	require.Failf(t, "no such series", "%s %v in:\n%s", name, labels, metrics)
	return ""
}

// collector is an OTLP/HTTP server that keeps what it is sent.
type collector struct {
	*httptest.Server
	mu      sync.Mutex
	traces  []*coltracepb.ExportTraceServiceRequest
	metrics []*colmetricspb.ExportMetricsServiceRequest
	logs    []*collogspb.ExportLogsServiceRequest
	paths   map[string]int

	answer func(http.ResponseWriter) // to traces; nil is success
}

func newCollector(t *testing.T) *collector {
	c := &collector{paths: make(map[string]int)}
	c.Server = httptest.NewServer(c)
	t.Cleanup(c.Close)
	return c
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.paths[r.URL.Path]++
	var m proto.Message
	switch r.URL.Path {
	case "/v1/traces":
		request := &coltracepb.ExportTraceServiceRequest{}
		c.traces, m = append(c.traces, request), request
	case "/v1/metrics":
		request := &colmetricspb.ExportMetricsServiceRequest{}
		c.metrics, m = append(c.metrics, request), request
	case "/v1/logs":
		request := &collogspb.ExportLogsServiceRequest{}
		c.logs, m = append(c.logs, request), request
	default:
		http.NotFound(w, r)
		return
	}
	if err := proto.Unmarshal(body, m); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
	if c.answer != nil && r.URL.Path == "/v1/traces" {
		c.answer(w)
	}
}

// exportsWith sets the variables that concern exporting, and clears the others.
func exportsWith(t *testing.T, variables ...string) {
	t.Helper()
	for _, name := range []string{
		"OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER", "OTEL_LOGS_EXPORTER",
		"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
		"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES",
		"OTEL_PROPAGATORS", "OTEL_BSP_MAX_QUEUE_SIZE", "OTEL_TRACES_SAMPLER",
	} {
		t.Setenv(name, "")
	}
	for i := 0; i < len(variables); i += 2 {
		t.Setenv(variables[i], variables[i+1])
	}
}

func TestNothingConfiguredExportsNothing(t *testing.T) {
	exportsWith(t)
	tel, logs := start(t, tracing.Config{})
	ctx, span := tel.TracerProvider.Tracer("test").Start(context.Background(), "s")
	require.True(t, span.SpanContext().IsSampled(), "others may export their part of the trace")
	tel.Logger.InfoContext(ctx, "hello")
	span.End()
	require.Equal(t, []string{"traces", "metrics"}, tel.StageNames())
	metrics := scrape(t, tel)
	for _, name := range []string{"laban_telemetry_errors_total", "laban_telemetry_spans_dropped_total", "laban_telemetry_spans_exported_total"} {
		require.Equal(t, "0.0", sample(t, metrics, name), name)
	}
	require.NoError(t, tel.Shutdown(context.Background()))
	require.Equal(t, 1, strings.Count(logs.String(), "\n"), "no word about telemetry: %s", logs)
}

func TestTracesAreExported(t *testing.T) {
	c := newCollector(t)
	exportsWith(t, "OTEL_EXPORTER_OTLP_ENDPOINT", c.URL, "OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test,service.version=9")
	tel, logs := start(t, tracing.Config{Service: "payment", Version: "1.4.2", Instance: "i-1", Attributes: []attribute.KeyValue{attribute.String("team", "money")}})
	hooks := tel.Hooks()[0].(*tracing.Hooks)
	m := message()
	hooks.PublishEnd(hooks.PublishStart(context.Background(), m), m, time.Millisecond, nil)
	require.NoError(t, tel.Flush(context.Background()))
	require.Equal(t, "1.0", sample(t, scrape(t, tel), "laban_telemetry_spans_exported_total"))
	require.NoError(t, tel.Shutdown(context.Background()))

	require.Equal(t, map[string]int{"/v1/traces": 1}, c.paths, "metrics and logs are pushed only where that is asked for")
	spans := c.traces[0].ResourceSpans[0]
	require.Equal(t, "publish events:payment.confirmed", spans.ScopeSpans[0].Spans[0].Name)
	resource := make(map[string]string)
	for _, a := range spans.Resource.Attributes {
		resource[a.Key] = a.Value.GetStringValue()
	}
	for key, want := range map[string]string{
		"service.name": "payment", "service.instance.id": "i-1", "team": "money", "deployment.environment.name": "test", "telemetry.sdk.language": "go",
	} {
		require.Equal(t, want, resource[key], key)
	}
	require.Equal(t, "1.4.2", resource["service.version"], "a local service keeps its own name and version")
	require.NotContains(t, resource, "process.command_args", "arguments may hold passwords")
	require.Empty(t, logs.String())
}

func TestTheEnvironmentNamesTheService(t *testing.T) {
	restoreGlobals(t)
	exportsWith(t, "OTEL_SERVICE_NAME", "renamed")
	tel, err := tracing.Start(context.Background(), tracing.Config{Service: "payment"})
	require.NoError(t, err)
	metrics := scrape(t, tel)
	require.NoError(t, tel.Shutdown(context.Background()))
	require.Contains(t, metrics, `service_name="renamed"`)
	for _, name := range []string{"process_cpu_seconds_total", "go_goroutine_count", "go_memory_used_bytes"} {
		sample(t, metrics, name)
	}
}

// restoreGlobals puts OpenTelemetry's global state back when the test ends.
func restoreGlobals(t *testing.T) {
	tp, mp, prop := otel.GetTracerProvider(), otel.GetMeterProvider(), otel.GetTextMapPropagator()
	t.Cleanup(func() {
		otel.SetTracerProvider(tp)
		otel.SetMeterProvider(mp)
		otel.SetTextMapPropagator(prop)
	})
}

func TestGlobals(t *testing.T) {
	restoreGlobals(t)
	exportsWith(t)
	before := otel.GetTracerProvider()
	local, _ := start(t, tracing.Config{})
	require.Equal(t, before, otel.GetTracerProvider())
	require.NotEqual(t, before, local.TracerProvider)

	logs := &syncBuffer{}
	global, err := tracing.Start(context.Background(), tracing.Config{Service: "payment", LogOutput: logs})
	require.NoError(t, err)
	require.Equal(t, global.TracerProvider, otel.GetTracerProvider())
	require.Equal(t, global.MeterProvider, otel.GetMeterProvider())
	require.Equal(t, global.Propagator, otel.GetTextMapPropagator())
	for range 1000 {
		otel.Handle(errors.New("collector at http://u:secret@c:4318 is down"))
	}
	require.Equal(t, "1000.0", sample(t, scrape(t, global), "laban_telemetry_errors_total", `signal="sdk"`))
	require.Equal(t, 1, strings.Count(logs.String(), "\n"), "errors are logged at a bounded rate: %s", logs)
	require.NotContains(t, logs.String(), "secret")
	require.NoError(t, global.Shutdown(context.Background()))
}

func TestErrorsAreLoggedAtABoundedRate(t *testing.T) {
	exportsWith(t)
	synctest.Test(t, func(t *testing.T) {
		e := &stuckExporter{release: make(chan struct{}), err: errors.New("refused")}
		close(e.release)
		tel, logs := start(t, tracing.Config{SpanExporter: e, LogFormat: tracing.LogJSON})
		tracer := tel.TracerProvider.Tracer("test")
		for range 61 {
			_, span := tracer.Start(context.Background(), "s")
			span.End()
			require.NoError(t, tel.Flush(context.Background()))
			time.Sleep(time.Second) //nolint:forbidigo // by the bubble's clock
		}
		lines := strings.Split(strings.TrimSpace(logs.String()), "\n")
		require.Len(t, lines, 3, "at 0, 30 and 60 s")
		var last map[string]any
		require.NoError(t, json.Unmarshal([]byte(lines[2]), &last))
		require.Equal(t, "traces", last["signal"])
		require.Equal(t, "refused", last["error"])
		require.Equal(t, float64(29), last["errors_not_logged_before"])
		require.Equal(t, "61.0", sample(t, scrape(t, tel), "laban_telemetry_errors_total", `signal="traces"`))
		require.NoError(t, tel.Shutdown(context.Background()))
	})
}

func TestTheSDKDisabled(t *testing.T) {
	c := newCollector(t)
	exportsWith(t, "OTEL_SDK_DISABLED", "TRUE", "OTEL_EXPORTER_OTLP_ENDPOINT", c.URL, "OTEL_METRICS_EXPORTER", "otlp", "OTEL_LOGS_EXPORTER", "otlp")
	tel, logs := start(t, tracing.Config{})
	ctx, span := tel.TracerProvider.Tracer("test").Start(context.Background(), "s")
	defer span.End()
	require.False(t, span.IsRecording())
	tel.Logger.InfoContext(ctx, "still here")
	require.Contains(t, logs.String(), "still here")
	require.NoError(t, tel.Registry.Register(prometheus.NewCounter(prometheus.CounterOpts{Name: "mine_total", Help: "Mine."})))
	sample(t, scrape(t, tel), "mine_total")
	require.NotEmpty(t, tel.Propagator.Fields(), "propagators go on")
	require.NoError(t, tel.Shutdown(context.Background()))
	require.Empty(t, c.paths)
}

func TestPartialSuccess(t *testing.T) {
	c := newCollector(t)
	c.answer = func(w http.ResponseWriter) {
		body, err := proto.Marshal(&coltracepb.ExportTraceServiceResponse{
			PartialSuccess: &coltracepb.ExportTracePartialSuccess{RejectedSpans: 2, ErrorMessage: "too old (really)"},
		})
		if err == nil {
			_, err = w.Write(body)
		}
		if err != nil {
			panic(err)
		}
	}
	exportsWith(t, "OTEL_EXPORTER_OTLP_ENDPOINT", c.URL)
	tel, logs := start(t, tracing.Config{})
	tracer := tel.TracerProvider.Tracer("test")
	for range 5 {
		_, span := tracer.Start(context.Background(), "s")
		span.End()
	}
	require.NoError(t, tel.Flush(context.Background()))
	metrics := scrape(t, tel)
	require.Equal(t, "3.0", sample(t, metrics, "laban_telemetry_spans_exported_total"))
	require.Equal(t, "2.0", sample(t, metrics, "laban_telemetry_spans_dropped_total", `reason="export_failed"`))
	require.Contains(t, logs.String(), "too old")
}

func TestACollectorThatIsDown(t *testing.T) {
	c := newCollector(t)
	exportsWith(t, "OTEL_EXPORTER_OTLP_ENDPOINT", c.URL)
	c.Close()
	tel, logs := start(t, tracing.Config{})
	_, span := tel.TracerProvider.Tracer("test").Start(context.Background(), "s")
	span.End()
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	began := time.Now()
	err := tel.Shutdown(ctx)
	require.Less(t, time.Since(began), 15*time.Second)
	require.Equal(t, err, tel.Shutdown(context.Background()), "a second call returns what the first one did")
	require.Contains(t, logs.String(), "telemetry could not be delivered")
	require.Equal(t, 1, strings.Count(logs.String(), "\n"))
}

func TestShutdownStopsInOrderAndKeepsItsDeadline(t *testing.T) {
	exportsWith(t)
	synctest.Test(t, func(t *testing.T) {
		tel, _ := start(t, tracing.Config{})
		require.NoError(t, tel.Shutdown(context.Background())) // of the real stages
		tel, _ = start(t, tracing.Config{})
		provider := tel.TracerProvider.(*sdktrace.TracerProvider)
		var order []int
		var took []time.Duration
		hang := func(n int) func(context.Context) error {
			return func(ctx context.Context) error {
				order = append(order, n)
				began := time.Now()
				<-ctx.Done()
				took = append(took, time.Since(began))
				return ctx.Err()
			}
		}
		tel.SetStages(hang(1), hang(2), hang(3))
		began := time.Now()
		require.ErrorIs(t, tel.Shutdown(context.Background()), context.DeadlineExceeded)
		require.Equal(t, 10*time.Second, time.Since(began))
		require.Equal(t, []int{1, 2, 3}, order)
		require.Equal(t, []time.Duration{5 * time.Second, 2500 * time.Millisecond, 2500 * time.Millisecond}, took,
			"one stage that hangs leaves time for the others")
		require.NoError(t, provider.Shutdown(context.Background()))
	})
}

func TestExemplarsAndSharedRegistry(t *testing.T) {
	exportsWith(t)
	tel, _ := start(t, tracing.Config{})
	counter := prometheus.NewCounter(prometheus.CounterOpts{Name: "orders_total", Help: "Orders."})
	tel.Registry.MustRegister(counter)
	counter.Inc()
	hooks := tel.Hooks()[0].(*tracing.Hooks)
	m := message()
	ctx := hooks.PublishStart(context.Background(), m)
	hooks.PublishEnd(ctx, m, time.Millisecond, nil)
	metrics := scrape(t, tel)
	require.Equal(t, "1.0", sample(t, metrics, "orders_total"))
	require.Equal(t, "1.0", sample(t, metrics, "messaging_client_sent_messages_total", `messaging_destination_name="events:payment.confirmed"`))
	require.Contains(t, metrics, `# {`)
	require.Contains(t, metrics, `trace_id="`+trace.SpanContextFromContext(ctx).TraceID().String()+`"`)
	require.Contains(t, metrics, `service_name="payment"`)
}

// Several services in one process share an exporter, and nothing else.
func TestSeveralServicesInOneProcess(t *testing.T) {
	exportsWith(t)
	shared := tracetest.NewInMemoryExporter()
	var services []*tracing.Telemetry
	for _, name := range []string{"order", "payment", "delivery"} {
		tel, _ := start(t, tracing.Config{Service: name, SpanExporter: shared})
		services = append(services, tel)
		_, span := tel.TracerProvider.Tracer("test").Start(context.Background(), "s-"+name)
		span.End()
	}
	for _, tel := range services {
		require.NoError(t, tel.Flush(context.Background()))
		require.Equal(t, "1.0", sample(t, scrape(t, tel), "laban_telemetry_spans_exported_total"))
	}
	got := make(map[string]string)
	for _, s := range shared.GetSpans() {
		name, _ := s.Resource.Set().Value("service.name")
		got[s.Name] = name.AsString()
	}
	require.Equal(t, map[string]string{"s-order": "order", "s-payment": "payment", "s-delivery": "delivery"}, got)
	require.NoError(t, services[0].Shutdown(context.Background()))
	require.Len(t, shared.GetSpans(), 3, "one that stops does not shut down what all share")
}

func TestPushedMetricsAndLogs(t *testing.T) {
	c := newCollector(t)
	exportsWith(t, "OTEL_EXPORTER_OTLP_ENDPOINT", c.URL, "OTEL_METRICS_EXPORTER", "otlp", "OTEL_LOGS_EXPORTER", "otlp")
	tel, logs := start(t, tracing.Config{LogLevel: slog.LevelInfo})
	require.Equal(t, []string{"traces", "metrics", "logs"}, tel.StageNames())
	ctx := bus.WithFlow(context.Background(), bus.Flow{Name: "order", ID: "01FLOW", Key: "1042"})
	ctx, span := tel.TracerProvider.Tracer("test").Start(ctx, "s")
	tel.Logger.DebugContext(ctx, "too quiet")
	tel.Logger.InfoContext(ctx, "paid")
	span.End()
	require.NoError(t, tel.Shutdown(context.Background()))

	require.Contains(t, logs.String(), "paid")
	require.NotEmpty(t, c.metrics)
	require.Len(t, c.logs, 1)
	records := c.logs[0].ResourceLogs[0].ScopeLogs[0].LogRecords
	require.Len(t, records, 1, "the level counts for what is exported, too")
	require.Equal(t, "paid", records[0].Body.GetStringValue())
	require.Equal(t, span.SpanContext().TraceID().String(), trace.TraceID(records[0].TraceId).String())
	attrs := make(map[string]string)
	for _, a := range records[0].Attributes {
		attrs[a.Key] = a.Value.GetStringValue()
	}
	require.Equal(t, map[string]string{"flow_id": "01FLOW", "flow_name": "order", "flow_key": "1042"}, attrs)
}

func TestWrongConfiguration(t *testing.T) {
	for name, c := range map[string]struct {
		cfg  tracing.Config
		env  []string
		want string
	}{
		"no service":       {tracing.Config{}, nil, "Service is empty"},
		"log format":       {tracing.Config{Service: "s", LogFormat: "xml"}, nil, `"text" or "json"`},
		"traces exporter":  {tracing.Config{Service: "s"}, []string{"OTEL_TRACES_EXPORTER", "zipkin"}, "OTEL_TRACES_EXPORTER"},
		"metrics exporter": {tracing.Config{Service: "s"}, []string{"OTEL_METRICS_EXPORTER", "statsd"}, "OTEL_METRICS_EXPORTER"},
		"logs exporter":    {tracing.Config{Service: "s"}, []string{"OTEL_LOGS_EXPORTER", "syslog"}, "OTEL_LOGS_EXPORTER"},
		"protocol":         {tracing.Config{Service: "s"}, []string{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_PROTOCOL", "soap"}, "OTEL_EXPORTER_OTLP_PROTOCOL"},
	} {
		t.Run(name, func(t *testing.T) {
			exportsWith(t, c.env...)
			c.cfg.Local, c.cfg.LogOutput = true, io.Discard
			tel, err := tracing.Start(context.Background(), c.cfg)
			require.ErrorContains(t, err, c.want)
			require.Nil(t, tel)
		})
	}
}

func TestTelemetryOfABus(t *testing.T) {
	exportsWith(t)
	shared := tracetest.NewInMemoryExporter()
	tel, logs := start(t, tracing.Config{SpanExporter: shared, LogFormat: tracing.LogJSON})
	l := newLoop()
	b := run(t, l, tel.Hooks()[0], "payment", func(b *bus.Bus) {
		b.HandleFunc(func(ctx context.Context, _ event.Event) error {
			tel.Logger.InfoContext(ctx, "charged")
			return nil
		}, "stock.confirmed")
	})
	ctx, flow := b.StartFlow(context.Background(), "order", "1042")
	require.NoError(t, b.Publish(ctx, event.New("stock.confirmed", nil)))
	l.next(t)
	require.NoError(t, tel.Flush(context.Background()))
	var line map[string]any
	require.NoError(t, json.Unmarshal([]byte(logs.String()), &line))
	require.Equal(t, flow.ID, line["flow_id"])
	require.Equal(t, "1042", line["flow_key"])
	require.Equal(t, "order", line["flow_name"])
	for _, s := range shared.GetSpans() {
		require.Equal(t, line["trace_id"], s.SpanContext.TraceID().String())
		if s.SpanKind == trace.SpanKindConsumer {
			require.Equal(t, line["span_id"], s.SpanContext.SpanID().String())
		}
	}
	require.Len(t, shared.GetSpans(), 2)
}
