package e2e

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/testenv"
)

// jaeger asks a real Jaeger what it has.
type jaeger struct {
	*testenv.JaegerServer
}

// span is one span as Jaeger has it.
type span struct {
	TraceID  string `json:"traceId"`
	ID       string `json:"spanId"`
	ParentID string `json:"parentSpanId"`
	Name     string `json:"name"`
	Kind     int    `json:"kind"`
	Links    []struct {
		TraceID string `json:"traceId"`
		SpanID  string `json:"spanId"`
	} `json:"links"`
	Attributes []attribute `json:"attributes"`
	Status     struct {
		Code int `json:"code"`
	} `json:"status"`

	service    string
	attributes map[string]string
}

type attribute struct {
	Key   string `json:"key"`
	Value struct {
		String string `json:"stringValue"`
		Int    string `json:"intValue"`
	} `json:"value"`
}

// Span kinds and the status of an error, as OTLP numbers them.
const (
	kindServer   = 2
	kindClient   = 3
	kindProducer = 4
	kindConsumer = 5

	statusError = 2
)

// found is what API v3 answers.
type found struct {
	Result struct {
		ResourceSpans []struct {
			Resource struct {
				Attributes []attribute `json:"attributes"`
			} `json:"resource"`
			ScopeSpans []struct {
				Spans []span `json:"spans"`
			} `json:"scopeSpans"`
		} `json:"resourceSpans"`
	} `json:"result"`
}

// listed is what the older search answers.
type listed struct {
	Data []struct {
		TraceID string `json:"traceID"`
	} `json:"data"`
}

// get asks the query API. What is not there leaves answer as it was.
func (j jaeger) get(t testing.TB, path string, answer any) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, j.QueryURL+path, http.NoBody)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	if response.StatusCode == http.StatusNotFound {
		return
	}
	require.Equal(t, http.StatusOK, response.StatusCode, path)
	require.NoError(t, json.NewDecoder(response.Body).Decode(answer))
}

// trace returns the spans of a trace.
func (j jaeger) trace(t testing.TB, id string) []span {
	t.Helper()
	var answer found
	j.get(t, "/api/v3/traces/"+id, &answer)
	var spans []span
	for _, resource := range answer.Result.ResourceSpans {
		service := texts(resource.Resource.Attributes)["service.name"]
		for _, scope := range resource.ScopeSpans {
			for _, s := range scope.Spans {
				s.service, s.attributes = service, texts(s.Attributes)
				spans = append(spans, s)
			}
		}
	}
	return spans
}

func texts(attributes []attribute) map[string]string {
	m := make(map[string]string, len(attributes))
	for _, a := range attributes {
		m[a.Key] = a.Value.String + a.Value.Int
	}
	return m
}

// tracesOf returns the ids of all traces in which a service has a span of an
// order.
func (j jaeger) tracesOf(t testing.TB, service, orderID string) map[string]bool {
	t.Helper()
	tags, err := json.Marshal(map[string]string{"laban.flow.key": orderID})
	require.NoError(t, err)
	query := url.Values{"service": {service}, "tags": {string(tags)}, "lookback": {"1h"}, "limit": {"100"}}
	var answer listed
	j.get(t, "/api/traces?"+query.Encode(), &answer)
	ids := make(map[string]bool)
	for _, found := range answer.Data {
		ids[strings.TrimLeft(found.TraceID, "0")] = true
	}
	return ids
}
