package e2e

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/demo"
	"github.com/laban-io/laban/internal/testenv"
)

// journeys are the messages that an order of each fate must show in its trace:
// who published what, who processed it, and how often. A canceled order has
// several right journeys; it is held to what holds for all of them.
var journeys = map[demo.Fate][]string{
	demo.Approved: {
		"order publishes order.placed",
		"inventory processes order.placed", "inventory publishes stock.confirmed",
		"payment processes stock.confirmed", "payment publishes payment.confirmed",
		"delivery processes payment.confirmed", "delivery publishes order.shipped",
		"order processes order.shipped",
		"notification processes order.placed", "notification processes stock.confirmed",
		"notification processes payment.confirmed", "notification processes order.shipped",
		"4 × notification publishes notification.sent",
	},
	demo.Declined: {
		"order publishes order.placed",
		"inventory processes order.placed", "inventory publishes stock.confirmed",
		"payment processes stock.confirmed", "payment publishes payment.rejected",
		"inventory processes payment.rejected", "inventory publishes stock.returned",
		"order processes payment.rejected", "order processes stock.returned",
		"notification processes order.placed", "notification processes stock.confirmed", "notification processes payment.rejected",
		"3 × notification publishes notification.sent",
	},
	demo.OutOfStock: {
		"order publishes order.placed",
		"inventory processes order.placed", "inventory publishes stock.rejected",
		"order processes stock.rejected",
		"notification processes order.placed", "notification processes stock.rejected",
		"2 × notification publishes notification.sent",
	},
	demo.Undeliverable: {
		"order publishes order.placed",
		"inventory processes order.placed", "inventory publishes stock.confirmed",
		"payment processes stock.confirmed", "payment publishes payment.confirmed",
		"delivery processes payment.confirmed", "delivery publishes delivery.failed",
		"inventory processes delivery.failed", "inventory publishes stock.returned",
		"payment processes delivery.failed", "payment publishes refund.processed",
		"order processes delivery.failed", "order processes stock.returned", "order processes refund.processed",
		"notification processes order.placed", "notification processes stock.confirmed", "notification processes payment.confirmed",
		"notification processes delivery.failed", "notification processes refund.processed",
		"5 × notification publishes notification.sent",
	},
}

func TestOneOrderIsOneTrace(t *testing.T) {
	j := jaeger{testenv.Jaeger(t)}
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", j.OTLPEndpoint)
	t.Setenv("OTEL_TRACES_SAMPLER", "always_on")
	var out bytes.Buffer
	// By it payment knows how long an answer may take: on a busy machine, too, only
	// a late one is to be late.
	think := 200 * time.Millisecond
	report, err := demo.Run(t.Context(), nil, demo.Config{
		Orders: 60, Exit: true, AMQP: testenv.RabbitMQ(t).URL, Out: &out, Seed: 1, Think: &think,
	})
	require.NoError(t, err, "%s", &out)
	require.Len(t, report.Traces, len(demo.Fates()), "an order of each fate: %s", &out)
	for _, order := range report.Traces {
		t.Run(order.String(), func(t *testing.T) {
			spans := j.settled(t, order.TraceID)
			checkStructure(t, spans, order.OrderID)
			checkJourney(t, spans, order.Fate)
			for service := range services(spans) {
				require.Equal(t, map[string]bool{strings.TrimLeft(order.TraceID, "0"): true}, j.tracesOf(t, service, order.OrderID),
					"%s has spans of this order in one trace", service)
			}
		})
	}
}

// settled returns a trace once it grows no more: services export in batches, and
// Jaeger takes its time. One in which a parent is missing is given more of it.
func (j jaeger) settled(t *testing.T, id string) []span {
	t.Helper()
	var spans []span
	same := 0
	require.Eventually(t, func() bool {
		before := len(spans)
		spans = j.trace(t, id)
		if len(spans) == 0 || len(spans) != before {
			same = 0
			return false
		}
		same++
		return same > 1 && whole(spans) || same > 20
	}, time.Minute, 250*time.Millisecond)
	return spans
}

// whole tells whether every span's parent is there.
func whole(spans []span) bool {
	return !slices.ContainsFunc(spans, func(s span) bool {
		return s.ParentID != "" && !slices.ContainsFunc(spans, func(p span) bool { return p.ID == s.ParentID })
	})
}

func services(spans []span) map[string]bool {
	found := make(map[string]bool)
	for _, s := range spans {
		found[s.service] = true
	}
	return found
}

// checkStructure holds every span to what is true of all journeys.
func checkStructure(t *testing.T, spans []span, orderID string) {
	t.Helper()
	byID := make(map[string]span, len(spans))
	for _, s := range spans {
		require.NotContains(t, byID, s.ID, "two spans with one id")
		byID[s.ID] = s
	}
	roots := 0
	for _, s := range spans {
		parent, hasParent := byID[s.ParentID]
		if s.ParentID == "" {
			roots++
			require.Equal(t, "order POST /orders", s.service+" "+s.Name)
			require.Equal(t, kindServer, s.Kind)
		} else {
			require.True(t, hasParent, "%s %s is orphaned", s.service, s.Name)
		}
		require.Equal(t, orderID, s.attributes["laban.flow.key"], "%s %s", s.service, s.Name)
		require.NotEmpty(t, s.attributes["laban.flow.id"])
		require.Equal(t, "order", s.attributes["laban.flow.name"])
		switch s.Kind {
		case kindProducer:
			checkProducer(t, s, parent)
		case kindConsumer:
			checkConsumer(t, s, parent)
		case kindClient:
			require.Equal(t, s.service, parent.service, "%s belongs to what its service did", s.Name)
		}
	}
	require.Equal(t, 1, roots)
}

func checkProducer(t *testing.T, s, parent span) {
	t.Helper()
	require.Regexp(t, `^publish events:[a-z_]+\.[a-z_]+$`, s.Name)
	require.Equal(t, s.service, parent.service, "published by the service that handled its cause")
	require.Contains(t, []int{kindConsumer, kindServer}, parent.Kind)
	checkMessaging(t, s, "publish", "send")
	if strings.HasSuffix(s.Name, "cancel_requested") {
		require.Len(t, s.Links, 1, "linked to the request that asked for it")
		require.NotEqual(t, s.TraceID, s.Links[0].TraceID)
		return
	}
	require.Empty(t, s.Links)
}

func checkConsumer(t *testing.T, s, parent span) {
	t.Helper()
	require.Equal(t, kindProducer, parent.Kind)
	published := strings.TrimPrefix(parent.Name, "publish ")
	require.Equal(t, "process "+published+":"+s.service, s.Name)
	require.Len(t, s.Links, 1)
	require.Equal(t, parent.ID, s.Links[0].SpanID, "the parent is linked, too")
	require.Equal(t, parent.attributes["messaging.message.id"], s.attributes["messaging.message.id"])
	checkMessaging(t, s, "process", "process")
}

func checkMessaging(t *testing.T, s span, operation, operationType string) {
	t.Helper()
	require.Equal(t, "rabbitmq", s.attributes["messaging.system"])
	require.Equal(t, operation, s.attributes["messaging.operation.name"])
	require.Equal(t, operationType, s.attributes["messaging.operation.type"])
	require.Equal(t, strings.TrimPrefix(s.Name, operation+" "), s.attributes["messaging.destination.name"])
	require.Equal(t, s.attributes["laban.flow.id"], s.attributes["messaging.message.conversation_id"])
	require.NotEmpty(t, s.attributes["messaging.rabbitmq.destination.routing_key"])
	require.NotEmpty(t, s.attributes["server.address"])
}

// checkJourney compares the messages in a trace with those the fate demands.
func checkJourney(t *testing.T, spans []span, fate demo.Fate) {
	t.Helper()
	got := make(map[string]int)
	failed := 0
	for _, s := range spans {
		event := s.attributes["messaging.rabbitmq.destination.routing_key"]
		switch {
		case s.Kind == kindProducer:
			got[s.service+" publishes "+event]++
		case s.Kind == kindConsumer && s.Status.Code == statusError:
			failed++
			require.Equal(t, demo.TimesOut, fate, "%s failed", s.Name)
			require.NotEmpty(t, s.attributes["error.type"])
		case s.Kind == kindConsumer:
			got[s.service+" processes "+event]++
		}
	}
	switch fate {
	case demo.TimesOut:
		require.Positive(t, failed, "each attempt is a span of the same trace")
		require.Equal(t, counted(journeys[demo.Approved]), got, "the retry changes nothing else")
	case demo.Canceled:
		require.Equal(t, 1, got["order publishes order.cancel_requested"])
		require.Equal(t, 1, got["delivery publishes order.canceled"]+got["delivery publishes order.cancel_refused"])
	default:
		require.Equal(t, counted(journeys[fate]), got)
	}
}

// counted turns "4 × a does b" into a count of 4.
func counted(lines []string) map[string]int {
	counts := make(map[string]int, len(lines))
	for _, line := range lines {
		n := 1
		if number, rest, ok := strings.Cut(line, " × "); ok {
			_, _ = fmt.Sscan(number, &n)
			line = rest
		}
		counts[line] = n
	}
	return counts
}

// TestTheJourneysNameEveryService guards the table above.
func TestTheJourneysNameEveryService(t *testing.T) {
	named := make(map[string]bool)
	for line := range maps.Keys(counted(slices.Concat(slices.Collect(maps.Values(journeys))...))) {
		service, _, _ := strings.Cut(line, " ")
		named[service] = true
	}
	require.Len(t, named, 5)
}
