package e2e

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// within is how long the contract gives payment; reported is how long after that
// an alert may take.
const (
	within   = 10 * time.Second
	reported = 20 * time.Second
)

// TestAServiceThatStopsIsNamedInAnAlert drives the whole system: payment stops,
// an alert names it with orders that wait for it, their traces say so; payment
// starts again, and all of that goes away by itself. Without the observer that
// is what is told, and nothing else.
func TestAServiceThatStopsIsNamedInAnAlert(t *testing.T) {
	s := startSystem(t)
	s.place(t, 50, 10)
	s.quiet(t)
	viewer := s.newViewer(t)
	viewer.look(t)
	require.Empty(t, s.groups(t, "LabanFlowStalled"), "all went well")

	stopped := time.Now()
	require.NoError(t, s.Stop(t.Context(), "payment"))
	s.place(t, 12, 6)
	examples := s.awaitStalled(t, stopped)
	for key, trace := range examples {
		t.Logf("order %s is stalled: trace %s", key, trace)
		s.awaitMarker(t, trace, key, "stalled")
		viewer.show(t, key)
		viewer.look(t)
	}
	viewer.closeAnother(t, examples)

	require.NoError(t, s.Start(t.Context(), "payment"))
	s.quiet(t)
	for key, trace := range examples {
		s.awaitMarker(t, trace, key, "recovered")
	}
	began := time.Now()
	require.Eventually(t, func() bool {
		viewer.look(t)
		return len(s.groups(t, "LabanFlowStalled")) == 0
	}, 3*time.Minute, 2*time.Second, "the alert resolves by itself")
	t.Logf("resolved %.0f s after the orders had ended", time.Since(began).Seconds())

	s.blind(t)
	viewer.look(t)
	viewer.finish(t)
}

// awaitStalled waits for the alert, and returns the trace of each order that it
// names.
func (s system) awaitStalled(t *testing.T, stopped time.Time) map[string]string {
	t.Helper()
	var groups []alertGroup
	require.Eventually(t, func() bool {
		groups = s.groups(t, "LabanFlowStalled")
		return len(groups) > 0
	}, within+reported, 200*time.Millisecond, "no alert")
	seen := time.Now()
	require.Len(t, groups, 1)
	require.Equal(t, "no-consumer", groups[0].Labels["cause"])
	require.Equal(t, "payment.confirmed|payment.rejected", groups[0].Labels["step"])
	require.Len(t, groups[0].Alerts, 1)
	found := groups[0].Alerts[0]
	require.Equal(t, map[string]string{
		"alertname": "LabanFlowStalled", "severity": "critical", "choreography": "order", "service": "payment",
		"step": "payment.confirmed|payment.rejected", "cause": "no-consumer",
	}, found.Labels)
	require.Contains(t, found.Annotations["description"], "payment")
	require.Contains(t, found.Annotations["runbook_url"], "LabanFlowStalled")

	var deadline time.Time
	for _, example := range s.ask(t, `min(laban_flow_stalled_example_timestamp_seconds)`) {
		deadline = time.UnixMilli(int64(example.value(t) * 1000))
	}
	require.WithinRange(t, deadline, stopped.Add(within), seen)
	t.Logf("from the first deadline to the alert in Alertmanager: %.1f s", seen.Sub(deadline).Seconds())
	require.Less(t, seen.Sub(deadline), reported)

	examples := examplesIn(found.Annotations["description"])
	require.NotEmpty(t, examples, found.Annotations["description"])
	require.LessOrEqual(t, len(examples), 3)
	return examples
}

// examplesIn returns the orders that an alert names, with their traces.
func examplesIn(description string) map[string]string {
	examples := make(map[string]string)
	entry := regexp.MustCompile(`(?s)- (\S+), overdue since .*?/trace/([0-9a-f]{32})`)
	for _, m := range entry.FindAllStringSubmatch(description, -1) {
		examples[m[1]] = m[2]
	}
	return examples
}

// awaitMarker waits until an order's trace holds a marker of the observer.
func (s system) awaitMarker(t *testing.T, trace, key, name string) {
	t.Helper()
	var names []string
	require.Eventually(t, func() bool {
		names = nil
		for _, span := range s.jaeger.trace(t, trace) {
			names = append(names, span.service+" "+span.Name)
			kind, _, _ := strings.Cut(span.Name, ":")
			if kind == name && span.attributes["laban.flow.key"] == key {
				return true
			}
		}
		return false
	}, 20*time.Second, 500*time.Millisecond, "trace %s has no span %q", trace, name)
	require.Contains(t, strings.Join(names, "\n"), "order POST /orders", "the marker is in the order's own trace")
}

// blind stops the observer, and payment with it: that nothing is seen is told,
// and that orders stall is not.
func (s system) blind(t *testing.T) {
	t.Helper()
	require.NoError(t, s.Stop(t.Context(), "observer"))
	require.NoError(t, s.Stop(t.Context(), "payment"))
	s.place(t, 6, 6)
	overdue := time.Now().Add(within)
	require.Eventually(t, func() bool {
		require.Empty(t, s.groups(t, "LabanFlowStalled"), "nobody can know of a stall")
		return len(s.groups(t, "LabanObserverBlind")) > 0 && time.Now().After(overdue.Add(reported))
	}, 2*time.Minute, time.Second)
	groups := s.groups(t, "LabanObserverBlind")
	require.Len(t, groups, 1)
	require.Equal(t, "down", groups[0].Alerts[0].Labels["reason"])
}
