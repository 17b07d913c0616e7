package tracing_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"testing"
	"testing/slogtest"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/tracing"
)

// logged is what a line says that f logs in a flow, under a span.
func logged(t *testing.T, f func(context.Context, *slog.Logger)) map[string]any {
	t.Helper()
	var out bytes.Buffer
	ctx := trace.ContextWithSpanContext(context.Background(), trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2},
	}))
	ctx = bus.WithFlow(ctx, bus.Flow{Name: "order", ID: "01FLOW", Key: "1042"})
	f(ctx, slog.New(tracing.NewLogHandler(slog.NewJSONHandler(&out, nil))))
	var line map[string]any
	require.NoError(t, json.Unmarshal(out.Bytes(), &line), out.String())
	delete(line, "time")
	delete(line, "level")
	return line
}

func inContext(more map[string]any) map[string]any {
	line := map[string]any{
		"msg": "m", "trace_id": "01000000000000000000000000000000", "span_id": "0200000000000000",
		"flow_id": "01FLOW", "flow_name": "order", "flow_key": "1042",
	}
	for k, v := range more {
		line[k] = v
	}
	return line
}

func TestLinesSayTraceAndFlow(t *testing.T) {
	require.Equal(t, inContext(map[string]any{"a": "b", "c": "d"}), logged(t, func(ctx context.Context, l *slog.Logger) {
		l.With("a", "b").InfoContext(ctx, "m", "c", "d")
	}))
}

func TestIDsStayOnTopOfGroups(t *testing.T) {
	require.Equal(t, inContext(map[string]any{
		"a": "b", "g": map[string]any{"c": "d", "h": map[string]any{"e": "f", "i": "j"}},
	}), logged(t, func(ctx context.Context, l *slog.Logger) {
		l.With("a", "b").WithGroup("g").With("c", "d").WithGroup("h").With("e", "f").InfoContext(ctx, "m", "i", "j")
	}))
}

func TestLoggersThatShareAParent(t *testing.T) {
	line := logged(t, func(ctx context.Context, l *slog.Logger) {
		parent := l.WithGroup("g").With("a", 1)
		parent.With("other", 1)
		mine := parent.With("mine", 1)
		parent.With("other", 2)
		mine.InfoContext(ctx, "m")
	})
	require.Equal(t, map[string]any{"a": float64(1), "mine": float64(1)}, line["g"])
}

func TestLinesOutsideSayNothing(t *testing.T) {
	var out bytes.Buffer
	slog.New(tracing.NewLogHandler(slog.NewTextHandler(&out, nil))).Info("m")
	require.NotContains(t, out.String(), "_id")
}

func TestLogHandlerIsAHandler(t *testing.T) {
	var out bytes.Buffer
	slogtest.Run(t, func(*testing.T) slog.Handler {
		out.Reset()
		return tracing.NewLogHandler(slog.NewJSONHandler(&out, nil))
	}, func(t *testing.T) map[string]any {
		var line map[string]any
		require.NoError(t, json.Unmarshal(out.Bytes(), &line))
		return line
	})
}
