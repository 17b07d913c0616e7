package marker_test

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/laban-io/laban/internal/ledger"
	"github.com/laban-io/laban/internal/observer/marker"
	"github.com/laban-io/laban/internal/testenv"
	"github.com/laban-io/laban/pkg/flow"
)

// shown is a span as Jaeger's API has it.
type shown struct {
	ID       string `json:"spanId"`
	ParentID string `json:"parentSpanId"`
	Name     string `json:"name"`
	Start    string `json:"startTimeUnixNano"`
	End      string `json:"endTimeUnixNano"`
	Status   struct {
		Code int `json:"code"`
	} `json:"status"`
	Attributes []struct {
		Key   string `json:"key"`
		Value struct {
			String string `json:"stringValue"`
		} `json:"value"`
	} `json:"attributes"`
	service string
}

func (s shown) attribute(key string) string {
	for _, a := range s.Attributes {
		if a.Key == key {
			return a.Value.String
		}
	}
	return ""
}

// spansOf asks Jaeger for a trace.
func spansOf(t *testing.T, j *testenv.JaegerServer, trace [16]byte) []shown {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, j.QueryURL+"/api/v3/traces/"+hex.EncodeToString(trace[:]), http.NoBody)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	if response.StatusCode == http.StatusNotFound {
		return nil
	}
	require.Equal(t, http.StatusOK, response.StatusCode)
	var answer struct {
		Result struct {
			ResourceSpans []struct {
				Resource struct {
					Attributes []struct {
						Value struct {
							String string `json:"stringValue"`
						} `json:"value"`
						Key string `json:"key"`
					} `json:"attributes"`
				} `json:"resource"`
				ScopeSpans []struct {
					Spans []shown `json:"spans"`
				} `json:"scopeSpans"`
			} `json:"resourceSpans"`
		} `json:"result"`
	}
	require.NoError(t, json.NewDecoder(response.Body).Decode(&answer))
	var spans []shown
	for _, r := range answer.Result.ResourceSpans {
		for _, scope := range r.ScopeSpans {
			for _, s := range scope.Spans {
				for _, a := range r.Resource.Attributes {
					if a.Key == "service.name" {
						s.service = a.Value.String
					}
				}
				spans = append(spans, s)
			}
		}
	}
	return spans
}

// order publishes as the services of an order do, with the SDK, and returns
// where. sampled says whether its spans reach Jaeger.
func order(t *testing.T, j *testenv.JaegerServer, sampled bool) (placed, paid flow.Trace) {
	t.Helper()
	exporter, err := otlptracehttp.New(t.Context(), otlptracehttp.WithEndpointURL(j.OTLPEndpoint+"/v1/traces"))
	require.NoError(t, err)
	sampler := sdktrace.NeverSample()
	if sampled {
		sampler = sdktrace.AlwaysSample()
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithSampler(sampler), sdktrace.WithBatcher(exporter),
		sdktrace.WithResource(resource.NewSchemaless(semconv.ServiceName("order"))))
	tracer := provider.Tracer("test")
	ctx, first := tracer.Start(t.Context(), "publish events:order.placed", trace.WithSpanKind(trace.SpanKindProducer))
	_, second := tracer.Start(ctx, "publish events:payment.confirmed", trace.WithSpanKind(trace.SpanKindProducer))
	second.End()
	first.End()
	require.NoError(t, provider.Shutdown(t.Context()))
	return contextOf(first), contextOf(second)
}

func contextOf(s trace.Span) flow.Trace {
	c := s.SpanContext()
	return flow.Trace{TraceID: c.TraceID(), SpanID: c.SpanID(), Sampled: c.IsSampled()}
}

// told is what an observer tells of an order that payment held up.
func told(flowID string, placed, paid flow.Trace) []flow.Transition {
	began := time.Now().Add(-time.Minute)
	due := flow.Due{
		Step: "payment.confirmed|payment.rejected", Service: "payment", On: "stock.confirmed", Trigger: 2,
		For: []string{"payment.confirmed", "payment.rejected"}, Since: began, Deadline: began.Add(10 * time.Second),
	}
	all := []flow.Transition{
		{Kind: flow.Started, At: began, Trace: placed},
		{Kind: flow.Overdue, At: began.Add(10 * time.Second), Obligation: 2, Due: due, Trace: placed,
			Finding: flow.Finding{Cause: flow.NoConsumer, Certainty: flow.Certain, Evidence: "nobody consumes the queue payment"}},
		{Kind: flow.Recovered, At: began.Add(30 * time.Second), Obligation: 2, Due: due, Trace: paid},
		{Kind: flow.Ended, At: began.Add(31 * time.Second), To: flow.Completed, Trace: paid},
	}
	for i := range all {
		all[i].Choreography, all[i].FlowID, all[i].Key, all[i].Offset, all[i].FlowTrace = "order", flowID, "1042", uint64(i)+1, placed.TraceID
	}
	return all
}

// tell exports an order's markers, twice: as an observer does that was killed
// before it could note the first time.
func tell(t *testing.T, transitions []flow.Transition) {
	t.Helper()
	for range 2 {
		s := &shelf{}
		for i := range transitions {
			m, ok := marker.From(&transitions[i])
			require.True(t, ok)
			m.ID = int64(i) + 1
			s.markers = append(s.markers, m)
		}
		e := marker.New(marker.Config{Pending: s, Client: dial(t)})
		require.NoError(t, e.Flush(t.Context()))
		require.Equal(t, uint64(len(transitions)), e.Stats().Exported)
	}
}

// settled waits until Jaeger has a trace's markers, and returns all its spans:
// what was sent once more came in between.
func settled(t *testing.T, j *testenv.JaegerServer, id [16]byte) map[string]shown {
	t.Helper()
	var spans []shown
	require.Eventually(t, func() bool {
		spans = spansOf(t, j, id)
		markers := 0
		for _, s := range spans {
			if s.service == marker.Service {
				markers++
			}
		}
		return markers >= 4
	}, 20*time.Second, 100*time.Millisecond, "Jaeger has the markers")
	byName := map[string]shown{}
	for _, s := range spans {
		require.NotContains(t, byName, s.Name, "it is there once")
		byName[s.Name] = s
	}
	return byName
}

const stalledSpan = "stalled: payment.confirmed | payment.rejected"

func TestJaegerShowsAStallOnceInTheOrdersTrace(t *testing.T) {
	j := testenv.Jaeger(t)
	for _, protocol := range []string{"http/protobuf", "grpc"} {
		t.Run(protocol, func(t *testing.T) {
			exportTo(t, j, protocol)
			placed, paid := order(t, j, true)
			tell(t, told(rand.Text(), placed, paid))
			spans := settled(t, j, placed.TraceID)
			require.Len(t, spans, 6, "two of the order's, and four markers: %v", spans)
			stalled := spans[stalledSpan]
			require.Equal(t, marker.Service, stalled.service)
			require.Equal(t, 2, stalled.Status.Code, "an error")
			require.Equal(t, spans["publish events:order.placed"].ID, stalled.ParentID, "a child of the trigger")
			require.Equal(t, "no-consumer", stalled.attribute("laban.stall.cause"))
			require.Equal(t, "payment", stalled.attribute("laban.stall.owner"))
			require.Equal(t, "1042", stalled.attribute("laban.flow.key"))
			require.Equal(t, spans["publish events:payment.confirmed"].ID, spans["recovered"].ParentID)
			require.Equal(t, stalled.End, spans["recovered"].Start)
			require.Equal(t, "completed", spans["completed"].attribute("laban.flow.status"))
			require.Contains(t, spans, "started")
		})
	}
}

func TestJaegerShowsMarkersOfAnUnsampledFlow(t *testing.T) {
	j := testenv.Jaeger(t)
	exportTo(t, j, "http/protobuf")
	placed, paid := order(t, j, false)
	require.False(t, placed.Sampled)
	tell(t, told(rand.Text(), placed, paid))
	spans := settled(t, j, placed.TraceID)
	require.Len(t, spans, 4, "markers alone")
	require.Contains(t, spans, stalledSpan)
}

func TestJaegerShowsMarkersOfAFlowWithoutATrace(t *testing.T) {
	j := testenv.Jaeger(t)
	exportTo(t, j, "http/protobuf")
	id := rand.Text()
	tell(t, told(id, flow.Trace{}, flow.Trace{}))
	spans := settled(t, j, marker.TraceID("order", id))
	require.Len(t, spans, 4)
	require.Equal(t, spans["started"].ID, spans[stalledSpan].ParentID)
}

// exportTo sets the environment that names a Jaeger.
func exportTo(t *testing.T, j *testenv.JaegerServer, protocol string) {
	t.Helper()
	noCollector(t)
	endpoint := j.OTLPEndpoint
	if protocol == "grpc" {
		endpoint = j.OTLPGRPCEndpoint
	}
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
}

var _ marker.Pending = (*ledger.Ledger)(nil)
