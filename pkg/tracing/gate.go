package tracing

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// gate is a batch span processor that counts what it drops. The SDK's own drops
// in silence when its queue is full; the gate lets no more spans through to it
// than the queue has room for, and counts those it turns away.
type gate struct {
	batch    sdktrace.SpanProcessor
	exporter *countingExporter
	limit    int64
	stopped  atomic.Bool
	flushing sync.Mutex
}

// newGate returns a processor that exports to e by way of a batch processor
// whose queue has room for limit spans. A countingExporter tells the gate when
// spans have left the queue.
func newGate(e *countingExporter, limit int, opts ...sdktrace.BatchSpanProcessorOption) *gate {
	// One place more than is let through, for the marker by which a flush
	// finds the end of the queue.
	opts = append(opts, sdktrace.WithMaxQueueSize(limit+1))
	return &gate{batch: sdktrace.NewBatchSpanProcessor(e, opts...), exporter: e, limit: int64(limit)}
}

// OnStart does nothing.
func (g *gate) OnStart(context.Context, sdktrace.ReadWriteSpan) {}

// OnEnd hands a sampled span to the batch processor if there is room.
func (g *gate) OnEnd(s sdktrace.ReadOnlySpan) {
	if !s.SpanContext().IsSampled() {
		return
	}
	if g.stopped.Load() {
		g.exporter.counts.droppedLate.Add(1)
		return
	}
	if g.exporter.waiting.Add(1) > g.limit {
		g.exporter.waiting.Add(-1)
		g.exporter.counts.droppedQueueFull.Add(1)
		return
	}
	g.batch.OnEnd(s)
}

// ForceFlush exports what is queued.
func (g *gate) ForceFlush(ctx context.Context) error {
	g.flushing.Lock()
	defer g.flushing.Unlock()
	return g.batch.ForceFlush(ctx)
}

// abandonGrace is how long an exporter that was told to give up may take to.
const abandonGrace = time.Second

// Shutdown exports what is queued until ctx ends, and drops the rest.
func (g *gate) Shutdown(ctx context.Context) error {
	g.stopped.Store(true)
	err := g.batch.Shutdown(ctx)
	if ctx.Err() == nil {
		return err
	}
	g.exporter.abandon()
	grace := time.NewTimer(abandonGrace)
	defer grace.Stop()
	select {
	case <-g.exporter.closed:
	case <-grace.C:
	}
	return err
}
