package tracing

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"

	"go.opentelemetry.io/otel/trace"

	"github.com/laban-io/laban/pkg/bus"
)

// LogFormat is how log lines look.
type LogFormat string

// The formats. An empty one is LogText.
const (
	LogText LogFormat = "text"
	LogJSON LogFormat = "json"
)

func newLogHandler(format LogFormat, w io.Writer, level slog.Leveler) (slog.Handler, error) {
	opts := &slog.HandlerOptions{Level: level}
	switch format {
	case LogText, "":
		return slog.NewTextHandler(w, opts), nil
	case LogJSON:
		return slog.NewJSONHandler(w, opts), nil
	default:
		return nil, fmt.Errorf("LogFormat is %q; use %q or %q", format, LogText, LogJSON)
	}
}

// The names of what every log line under a span or in a flow says.
const (
	logTraceID  = "trace_id"
	logSpanID   = "span_id"
	logFlowID   = "flow_id"
	logFlowName = "flow_name"
	logFlowKey  = "flow_key"
)

// NewLogHandler returns a handler that adds to each record what its context
// says: trace_id and span_id under a span, flow_id, flow_name and flow_key in
// a flow. They stay on the top level, also within groups.
func NewLogHandler(next slog.Handler) slog.Handler {
	return &logHandler{next: next, outside: next, level: slog.Level(-1 << 31), span: true}
}

// logHandler is that handler.
type logHandler struct {
	next slog.Handler
	// outside is next before its first group was opened, and inside what was
	// done to it since, so that what is added can be put before the group.
	outside slog.Handler
	inside  []func(slog.Handler) slog.Handler

	level slog.Leveler // nothing below it is handled
	span  bool         // add the ids of trace and span
}

func (h *logHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= h.level.Level() && h.next.Enabled(ctx, level)
}

func (h *logHandler) Handle(ctx context.Context, r slog.Record) error {
	var room [5]slog.Attr
	attrs := h.appendContext(ctx, room[:0])
	switch {
	case len(attrs) == 0:
		return h.next.Handle(ctx, r)
	case len(h.inside) == 0:
		r = r.Clone()
		r.AddAttrs(attrs...)
		return h.next.Handle(ctx, r)
	default:
		next := h.outside.WithAttrs(attrs)
		for _, step := range h.inside {
			next = step(next)
		}
		return next.Handle(ctx, r)
	}
}

func (h *logHandler) appendContext(ctx context.Context, attrs []slog.Attr) []slog.Attr {
	if sc := trace.SpanContextFromContext(ctx); h.span && sc.IsValid() {
		attrs = append(attrs, slog.String(logTraceID, sc.TraceID().String()), slog.String(logSpanID, sc.SpanID().String()))
	}
	if flow, ok := bus.FlowFrom(ctx); ok {
		attrs = append(attrs, slog.String(logFlowID, flow.ID), slog.String(logFlowName, flow.Name))
		if flow.Key != "" {
			attrs = append(attrs, slog.String(logFlowKey, flow.Key))
		}
	}
	return attrs
}

func (h *logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return h
	}
	return h.with(func(next slog.Handler) slog.Handler { return next.WithAttrs(attrs) }, len(h.inside) > 0)
}

func (h *logHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return h.with(func(next slog.Handler) slog.Handler { return next.WithGroup(name) }, true)
}

// with returns h after a step, which is inside a group or not.
func (h *logHandler) with(step func(slog.Handler) slog.Handler, inside bool) slog.Handler {
	c := *h
	c.next = step(h.next)
	if inside {
		c.inside = slices.Concat(h.inside, []func(slog.Handler) slog.Handler{step})
	} else {
		c.outside = c.next
	}
	return &c
}
