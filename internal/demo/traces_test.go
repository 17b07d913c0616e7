package demo

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/testenv"
)

// trace is what Jaeger's API says of one.
type trace struct {
	Spans []struct {
		OperationName string `json:"operationName"`
		ProcessID     string `json:"processID"`
		References    []any  `json:"references"`
	} `json:"spans"`
	Processes map[string]struct {
		ServiceName string `json:"serviceName"`
	} `json:"processes"`
}

// services returns the names of the services that have spans.
func (tr trace) services() []string {
	names := make(map[string]bool)
	for _, s := range tr.Spans {
		names[tr.Processes[s.ProcessID].ServiceName] = true
	}
	return slices.Sorted(maps.Keys(names))
}

// roots returns the operations of the spans without a parent. A parent that is
// linked as well is one reference, of type FOLLOWS_FROM.
func (tr trace) roots() []string {
	var names []string
	for _, s := range tr.Spans {
		if len(s.References) == 0 {
			names = append(names, s.OperationName)
		}
	}
	return names
}

func TestEachServiceTracesUnderItsOwnName(t *testing.T) {
	jaeger := testenv.Jaeger(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", jaeger.OTLPEndpoint)
	out := &output{}
	cfg := sixty(out)
	cfg.Orders = 6
	r, err := Run(t.Context(), nil, cfg)
	require.NoError(t, err, "%s", out)
	require.Contains(t, out.String(), "traces     "+jaeger.OTLPEndpoint)
	require.NotContains(t, out.String(), "could not be sent")
	require.Len(t, r.Traces, int(numFates))
	for _, tr := range r.Traces {
		require.Contains(t, out.String(), tr.OrderID+"  "+tr.TraceID)
		services := []string{"inventory", "notification", "order"}
		if tr.Fate != OutOfStock && tr.Fate != Canceled {
			services = append(services, "payment")
		}
		if tr.Fate != OutOfStock && tr.Fate != Canceled && tr.Fate != Declined {
			services = append(services, "delivery")
		}
		require.EventuallyWithT(t, func(c *assert.CollectT) {
			found := fetch(c, jaeger.QueryURL, tr.TraceID)
			assert.Subset(c, found.services(), services, "%s", tr.Fate)
			assert.Equal(c, []string{"POST /orders"}, found.roots(), "%s", tr.Fate)
		}, 20*time.Second, 100*time.Millisecond)
	}
}

func fetch(c *assert.CollectT, queryURL, id string) trace {
	answer, err := http.Get(fmt.Sprintf("%s/api/traces/%s", queryURL, id))
	if !assert.NoError(c, err) {
		return trace{}
	}
	defer func() { _ = answer.Body.Close() }()
	var page struct {
		Data []trace `json:"data"`
	}
	if !assert.NoError(c, json.NewDecoder(answer.Body).Decode(&page)) || !assert.Len(c, page.Data, 1) {
		return trace{}
	}
	return page.Data[0]
}

func TestSpansThatNobodyTakesAreSaid(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
	out := &output{}
	cfg := sixty(out)
	cfg.Orders, cfg.Mix = 3, Mix{Approved: 1}
	_, err := Run(t.Context(), nil, cfg)
	require.NoError(t, err, "it is no failure of the demo: %s", out)
	require.Regexp(t, `! \d+ spans could not be sent to http://127.0.0.1:1; does a collector listen there\?`, out.String())
}
