package order

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/laban-io/laban/pkg/tracing"
)

// Trace context as clients send it.
const (
	placeTrace   = "0af7651916cd43dd8448eb211c80319c"
	placeParent  = "b7ad6b7169203331"
	placeHeader  = "00-" + placeTrace + "-" + placeParent + "-01"
	cancelTrace  = "4bf92f3577b34da6a3ce929d0e0e4736"
	cancelHeader = "00-" + cancelTrace + "-00f067aa0ba902b7-01"
)

// watchedShop is a shop whose spans are seen.
type watchedShop struct {
	*shop
	telemetry *tracing.Telemetry
	exporter  *tracetest.InMemoryExporter
}

func openWatchedShop(t *testing.T, o shopOptions) *watchedShop {
	t.Helper()
	w := &watchedShop{exporter: tracetest.NewInMemoryExporter()}
	var err error
	w.telemetry, err = tracing.Start(t.Context(), tracing.Config{
		Service: Name, Local: true, LogOutput: io.Discard, SpanExporter: w.exporter,
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.telemetry.Shutdown(context.Background())) })
	o.telemetry = w.telemetry
	w.shop = openShop(t, "sqlite::memory:", o)
	return w
}

// named returns the spans with a name.
func (w *watchedShop) named(name string) tracetest.SpanStubs {
	w.t.Helper()
	var found tracetest.SpanStubs
	for _, s := range w.all() {
		if s.Name == name {
			found = append(found, s)
		}
	}
	return found
}

func (w *watchedShop) one(name string) tracetest.SpanStub {
	w.t.Helper()
	require.Eventually(w.t, func() bool { return len(w.named(name)) > 0 }, waitFor, tick, "a span %q", name)
	found := w.named(name)
	require.Len(w.t, found, 1, name)
	return found[0]
}

func (w *watchedShop) all() tracetest.SpanStubs {
	w.t.Helper()
	require.NoError(w.t, w.telemetry.Flush(w.t.Context()))
	return w.exporter.GetSpans()
}

func attributeOf(s tracetest.SpanStub, key attribute.Key) string {
	for _, kv := range s.Attributes {
		if kv.Key == key {
			return kv.Value.String()
		}
	}
	return ""
}

func linksOf(s tracetest.SpanStub) []trace.SpanID {
	var all []trace.SpanID
	for _, l := range s.Links {
		all = append(all, l.SpanContext.SpanID())
	}
	return all
}

// TestAnOrderIsOneTrace: that of the request that placed it, also where a later
// request, in a trace of its own, cancels it.
func TestAnOrderIsOneTrace(t *testing.T) {
	w := openWatchedShop(t, shopOptions{traceSQL: true})
	o := w.place("Traceparent", placeHeader)
	require.Equal(t, placeTrace, o.TraceID, "the API says where to look")
	placed := w.one("POST /orders")
	require.Equal(t, placeTrace, placed.SpanContext.TraceID().String())
	require.Equal(t, placeParent, placed.Parent.SpanID().String(), "the request's own trace is continued")
	require.Equal(t, o.FlowID, attributeOf(placed, tracing.FlowIDKey))
	require.Equal(t, o.ID, attributeOf(placed, tracing.FlowKeyKey))
	require.Equal(t, FlowName, attributeOf(placed, tracing.FlowNameKey))
	published := w.one("publish events:order.placed")
	require.Equal(t, placeTrace, published.SpanContext.TraceID().String())
	require.Equal(t, placed.SpanContext.SpanID(), published.Parent.SpanID(), "though the relay published it, after the request")

	a := w.do(http.MethodPost, "/orders/"+o.ID+"/cancel", nil, "Traceparent", cancelHeader)
	require.Equal(t, http.StatusAccepted, a.status, "%s", a.body)
	canceled := w.one("POST /orders/{id}/cancel")
	require.Equal(t, cancelTrace, canceled.SpanContext.TraceID().String())
	require.Equal(t, o.ID, attributeOf(canceled, "order.id"))
	require.Equal(t, []trace.SpanID{placed.SpanContext.SpanID()}, linksOf(canceled), "a link to where the flow began")
	asked := w.one("publish events:order.cancel_requested")
	require.Equal(t, placeTrace, asked.SpanContext.TraceID().String(), "its event is in the order's trace")
	require.Contains(t, linksOf(asked), canceled.SpanContext.SpanID(), "and linked to the request")

	w.requireFlowIn(o.FlowID, placeTrace)
}

// TestARepeatedRequestPointsToTheOrder: it starts no second flow.
func TestARepeatedRequestPointsToTheOrder(t *testing.T) {
	w := openWatchedShop(t, shopOptions{traceSQL: true})
	o := w.place("Traceparent", placeHeader, "Idempotency-Key", "key-1")
	placed := w.one("POST /orders")
	w.one("publish events:order.placed")
	again := w.place("Traceparent", cancelHeader, "Idempotency-Key", "key-1")
	require.Equal(t, o, again)
	require.Eventually(t, func() bool { return len(w.named("POST /orders")) == 2 }, waitFor, tick)
	repeated := w.named("POST /orders")[1]
	require.Equal(t, cancelTrace, repeated.SpanContext.TraceID().String())
	require.Equal(t, o.ID, attributeOf(repeated, "order.id"))
	require.Equal(t, []trace.SpanID{placed.SpanContext.SpanID()}, linksOf(repeated))
	w.requireFlowIn(o.FlowID, placeTrace)
	for _, s := range w.all() {
		require.Contains(t, []string{"", o.FlowID}, attributeOf(s, tracing.FlowIDKey), "%s: no flow but the order's", s.Name)
	}
}

// TestARequestWithoutATraceStartsOne.
func TestARequestWithoutATraceStartsOne(t *testing.T) {
	w := openWatchedShop(t, shopOptions{})
	o := w.place()
	require.Equal(t, w.one("POST /orders").SpanContext.TraceID().String(), o.TraceID)
	require.Equal(t, o.TraceID, w.one("publish events:order.placed").SpanContext.TraceID().String())
}

// TestAnUnsampledRequestIsAnOrderToo: its trace is known though nothing is
// recorded of it.
func TestAnUnsampledRequestIsAnOrderToo(t *testing.T) {
	w := openWatchedShop(t, shopOptions{})
	o := w.place("Traceparent", strings.TrimSuffix(placeHeader, "01")+"00")
	require.Equal(t, placeTrace, o.TraceID)
	w.published(o.ID, orderPlaced, 1)
	for _, s := range w.all() {
		require.NotEqual(t, placeTrace, s.SpanContext.TraceID().String(), s.Name)
	}
}

// TestSpansOfTheDatabaseBelongToTheOrder: whoever looks at a slow order sees
// which statement it was, and no values.
func TestSpansOfTheDatabaseBelongToTheOrder(t *testing.T) {
	w := openWatchedShop(t, shopOptions{traceSQL: true})
	o := w.place("Traceparent", placeHeader)
	w.one("publish events:order.placed")
	statements := slices.DeleteFunc(w.all(), func(s tracetest.SpanStub) bool { return !strings.HasPrefix(s.Name, "sql.") })
	require.NotEmpty(t, statements)
	for _, s := range statements {
		require.Equal(t, o.FlowID, attributeOf(s, tracing.FlowIDKey), s.Name)
		for _, kv := range s.Attributes {
			require.NotContains(t, kv.Value.String(), goodToken)
			require.NotContains(t, kv.Value.String(), "ada@example.com")
		}
	}
}

// requireFlowIn checks that whoever searches for a flow finds one trace.
func (w *watchedShop) requireFlowIn(flowID, traceID string) {
	w.t.Helper()
	found := 0
	for _, s := range w.all() {
		if attributeOf(s, tracing.FlowIDKey) == flowID {
			found++
			require.Equal(w.t, traceID, s.SpanContext.TraceID().String(), s.Name)
		}
	}
	require.GreaterOrEqual(w.t, found, 2)
}
