package tracing_test

import (
	"context"
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/tracing"
)

// reference is docs/reference/telemetry.md, by its headings.
func reference(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("../../docs/reference/telemetry.md")
	require.NoError(t, err)
	chapters := make(map[string]string)
	for _, chapter := range strings.Split(string(text), "\n## ")[1:] {
		heading, body, _ := strings.Cut(chapter, "\n")
		chapters[heading] = body
	}
	return chapters
}

// rows are the names in the first column of a chapter's tables.
func rows(chapter string) map[string]bool {
	names := make(map[string]bool)
	for _, match := range regexp.MustCompile("(?m)^\\| `([^`]+)`").FindAllStringSubmatch(chapter, -1) {
		names[match[1]] = true
	}
	return names
}

// everything runs telemetry through all there is to be measured.
func everything(t *testing.T) (*tracing.Telemetry, *recording) {
	t.Helper()
	restoreGlobals(t)
	exportsWith(t)
	tel, err := tracing.Start(context.Background(), tracing.Config{Service: "payment"})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, tel.Shutdown(context.Background())) })
	r := record(t, tracing.WithSettleSpans(tracing.SettleSpansAll))
	for _, h := range []*tracing.Hooks{tel.Hooks()[0].(*tracing.Hooks), r.hooks} {
		both := *r
		both.hooks = h
		for _, failure := range []error{nil, bus.ErrBlocked} {
			m := message()
			both.publish(context.Background(), m, failure)
			for _, action := range []bus.Action{bus.Ack, bus.RetryLater, bus.Park, bus.Discard, bus.Requeue} {
				d := deliver(m, "delivery", 1)
				d.Redelivered = true
				d.SetHeader(bus.HeaderRedrive, "by hand")
				both.process(context.Background(), d, bus.Verdict{Action: action, Err: errors.New("x")}, nil)
				both.process(context.Background(), deliver(m, "amq.gen-x", 1), bus.Verdict{}, nil)
			}
		}
	}
	return tel, r
}

func TestEveryMetricIsInTheReference(t *testing.T) {
	tel, _ := everything(t)
	scrape(t, tel) // the handler has a metric of its own
	families, err := tel.Registry.Gather()
	require.NoError(t, err)
	documented := rows(reference(t)["Metrics"])
	emitted := make(map[string]bool)
	for _, f := range families {
		emitted[f.GetName()] = true
		require.True(t, documented[f.GetName()], "%s is not in docs/reference/telemetry.md", f.GetName())
	}
	// What depends on the platform or on how the process was started.
	for _, sometimes := range []string{"go_memory_limit_bytes", "process_network_receive_bytes_total", "process_network_transmit_bytes_total"} {
		delete(documented, sometimes)
	}
	for name := range documented {
		require.True(t, emitted[name], "%s is in docs/reference/telemetry.md and was not emitted", name)
	}
	require.Greater(t, len(emitted), 10)
}

func TestEveryAttributeIsInTheReference(t *testing.T) {
	_, r := everything(t)
	documented := rows(reference(t)["Attributes"])
	emitted := make(map[string]bool)
	for _, s := range r.spans.GetSpans() {
		for _, a := range s.Attributes {
			emitted[string(a.Key)] = true
			require.True(t, documented[string(a.Key)], "%s of %q is not in docs/reference/telemetry.md", a.Key, s.Name)
		}
	}
	delete(documented, "messaging.batch.message_count") // of package amqptrace
	for name := range documented {
		require.True(t, emitted[name], "%s is in docs/reference/telemetry.md and was not emitted", name)
	}
}

func TestEveryErrorTypeIsInTheReference(t *testing.T) {
	documented := rows(reference(t)["Error types"])
	for _, name := range append(tracing.ErrorTypeNames(), "panic", "canceled", "timeout", "_OTHER") {
		require.True(t, documented[name], "%s is not in docs/reference/telemetry.md", name)
		delete(documented, name)
	}
	require.Empty(t, documented)
}

func TestEveryVariableIsInTheReference(t *testing.T) {
	source, err := os.ReadFile("environment.go")
	require.NoError(t, err)
	documented := rows(reference(t)["Environment"])
	read := regexp.MustCompile(`"(OTEL_[A-Z_]+)"`).FindAllStringSubmatch(string(source), -1)
	require.NotEmpty(t, read)
	for _, match := range read {
		require.True(t, documented[match[1]], "%s is not in docs/reference/telemetry.md", match[1])
	}
}

func TestEveryFieldOfALogLineIsInTheReference(t *testing.T) {
	documented := rows(reference(t)["Log lines"])
	line := inContext(nil)
	delete(line, "msg")
	require.Len(t, documented, len(line))
	for name := range line {
		require.True(t, documented[name], name)
	}
}
