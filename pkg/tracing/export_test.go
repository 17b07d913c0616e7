package tracing

import (
	"context"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// Made visible for tests.
type Gate = gate

// NewTestGate returns a gate around e, and what reads its counts: exported,
// and dropped for a full queue, for a failed export, and for coming late.
func NewTestGate(e sdktrace.SpanExporter, limit int, report func(error), opts ...sdktrace.BatchSpanProcessorOption) (*Gate, func() [4]int64) {
	counts := new(spanCounts)
	return newGate(newCountingExporter(e, false, counts, report), limit, opts...), func() [4]int64 {
		return [4]int64{counts.exported.Load(), counts.droppedQueueFull.Load(), counts.droppedFailed.Load(), counts.droppedLate.Load()}
	}
}

// StageNames are the names of what Shutdown stops, in order.
func (t *Telemetry) StageNames() []string {
	var names []string
	for _, s := range t.stages {
		names = append(names, s.name)
	}
	return names
}

// SetStages replaces what Shutdown stops.
func (t *Telemetry) SetStages(shutdowns ...func(context.Context) error) {
	t.stages = nil
	for _, f := range shutdowns {
		t.stop(stage{name: "test", flush: func(context.Context) error { return nil }, shutdown: f})
	}
}

// ErrorTypeNames are the error types of the bus's own errors.
func ErrorTypeNames() []string {
	var names []string
	for _, k := range errorTypes() {
		names = append(names, k.Type)
	}
	return names
}
