package e2e

import (
	"maps"
	"regexp"
	"slices"
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
	// resolved is how long after the last order has gone on the alert may be there:
	// a scrape, an evaluation, 30 s against flapping, and as much again for a machine
	// that is busy.
	resolved = 80 * time.Second
)

// TestAServiceThatStopsIsNamedInAnAlert drives the whole system: payment stops,
// an alert names it with orders that wait for it, their traces say so; payment
// starts again, and all of that goes away by itself. Without the observer that
// is what is told, and nothing else. Among all that, whatever else there is an
// alert about is made to happen: each alert has to come.
func TestAServiceThatStopsIsNamedInAnAlert(t *testing.T) {
	s := startSystem(t)
	s.hasten(t)
	s.place(t, 50, 10)
	s.quiet(t)
	viewer, seen := s.newViewer(t), fired{}
	viewer.look(t)
	s.await(t, seen, time.Minute, "LabanWatchdog")
	require.Equal(t, []string{"LabanWatchdog"}, slices.Collect(maps.Keys(seen)), "all went well")
	s.monitors(t, "payment")
	s.breakThings(t, viewer)
	s.await(t, seen, time.Minute, "LabanFlowInconsistent")
	viewer.look(t)
	s.quiet(t)

	stopped := time.Now()
	require.NoError(t, s.Stop(t.Context(), "payment"))
	s.place(t, 12, 6)
	examples := s.awaitStalled(t, stopped)
	s.awaitMail(t, "on-call@localhost", "[CRITICAL] LabanFlowStalled: payment in order, no-consumer",
		`(?s)^Flows have stopped and wait for a service\.

\d+ flows? of order waits? for payment to emit payment\.confirmed or payment\.rejected, past the deadline\. Cause: no-consumer\.
The oldest:
(- [0-9A-Z]{26}, overdue since 20[-0-9]{8} [0-9:]{8} UTC
  journey: http://localhost:\d+/flows/[0-9A-Z]{26}
  trace: http://localhost:\d+/trace/[0-9a-f]{32}
){1,3}All of them: http://localhost:\d+/\?choreography=order&service=payment&cause=no-consumer

Since:     20[-0-9]{8} [0-9:]{8} UTC
Runbook:   https://\S+/LabanFlowStalled\.md
Dashboard: http://localhost:\d+/d/laban-stuck\?var-choreography=order&var-service=payment

Alertmanager, to silence it: http://localhost:\d+/#/alerts\?receiver=on-call\s*$`)
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
		s.note(t, seen)
		return len(s.groups(t, "LabanFlowStalled")) == 0
	}, resolved, 2*time.Second, "the alert resolves by itself")
	t.Logf("resolved %.0f s after the orders had ended", time.Since(began).Seconds())
	s.await(t, seen, time.Minute, "LabanNoFlowsStarted")

	s.blind(t, seen)
	viewer.look(t)
	s.blocked(t, seen)
	viewer.look(t)
	s.block(t, false)
	s.gap(t, seen)
	seen.finish(t)
	viewer.finish(t)
	s.awaitMail(t, "on-call@localhost", "[RESOLVED] LabanFlowStalled: payment in order, no-consumer", `(?s)^Over: LabanFlowStalled, order, payment, .*It began at .* and ended at `)
	s.awaitMail(t, "tickets@localhost", "[WARNING] LabanMessagesParked: ", `(?s)1 message that its service gave up on waits in \w+\.parked, with the error\. .*/parked\n\nSince: `)
	s.awaitMail(t, "", "We shipped your order ", `your order is on its way`)
	s.showMails(t)
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
// and that orders stall is not. Jaeger stops, too, so that spans are lost, and the
// broker takes nothing, so that outboxes grow.
func (s system) blind(t *testing.T, seen fired) {
	t.Helper()
	for _, part := range []string{"observer", "payment", "jaeger"} {
		require.NoError(t, s.Stop(t.Context(), part))
	}
	s.place(t, 6, 6)
	s.block(t, true)
	s.place(t, 4, 4)
	overdue := time.Now().Add(within)
	require.Eventually(t, func() bool {
		require.Empty(t, s.groups(t, "LabanFlowStalled"), "nobody can know of a stall")
		s.note(t, seen)
		return len(s.groups(t, "LabanObserverBlind")) > 0 && time.Now().After(overdue.Add(reported))
	}, 2*time.Minute, time.Second)
	s.await(t, seen, 2*time.Minute, "LabanOutboxOld", "LabanRetentionNear")
	groups := s.groups(t, "LabanObserverBlind")
	require.Len(t, groups, 1)
	require.Equal(t, "down", groups[0].Alerts[0].Labels["reason"])
}

// blocked starts the observer while the broker takes nothing: it sees nothing
// then, and why is told.
func (s system) blocked(t *testing.T, seen fired) {
	t.Helper()
	require.NoError(t, s.Start(t.Context(), "observer"))
	s.await(t, seen, 3*time.Minute, "LabanObserverBlind broker-blocked")
}

// gap deletes the log.
func (s system) gap(t *testing.T, seen fired) {
	t.Helper()
	_, err := s.channel(t).QueueDelete("events.log", false, false, false)
	require.NoError(t, err)
	s.await(t, seen, time.Minute, "LabanLogGap")
}
