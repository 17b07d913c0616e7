package tracing

import (
	"context"
	"errors"
	"regexp"
	"strconv"
	"sync/atomic"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// spanCounts is what became of spans.
type spanCounts struct {
	exported         atomic.Int64
	droppedQueueFull atomic.Int64
	droppedFailed    atomic.Int64
	droppedLate      atomic.Int64 // ended after the shutdown
}

// countingExporter counts what an exporter did, reports its errors, and can be
// told to give up.
type countingExporter struct {
	exporter sdktrace.SpanExporter
	keep     bool // the exporter is not ours to shut down
	report   func(error)
	counts   *spanCounts
	waiting  atomic.Int64 // spans that are queued for it

	life    context.Context //nolint:containedctx // not that of a call: it ends when the exporter is to give up
	abandon context.CancelFunc
	closed  chan struct{} // closed when it is shut down
}

func newCountingExporter(e sdktrace.SpanExporter, keep bool, counts *spanCounts, report func(error)) *countingExporter {
	c := &countingExporter{exporter: e, keep: keep, counts: counts, report: report, closed: make(chan struct{})}
	c.life, c.abandon = context.WithCancel(context.Background())
	return c
}

var errAbandoned = errors.New("spans were dropped, since the time to shut down ran out")

// ExportSpans exports a batch. An error is reported here and not returned: the
// batch processor would only report it once more, to the whole process.
func (c *countingExporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	n := int64(len(spans))
	c.waiting.Add(-n)
	err := errAbandoned
	if c.life.Err() == nil {
		err = c.export(ctx, spans)
	}
	if err == nil {
		c.counts.exported.Add(n)
		return nil
	}
	dropped := n
	if rejected, ok := rejectedSpans(err); ok {
		dropped = min(rejected, n)
	}
	c.counts.droppedFailed.Add(dropped)
	c.counts.exported.Add(n - dropped)
	c.report(err)
	return nil
}

func (c *countingExporter) export(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.life, cancel)()
	err := c.exporter.ExportSpans(ctx, spans)
	if err != nil && c.life.Err() != nil {
		return errAbandoned
	}
	return err
}

// Shutdown shuts the exporter down. The batch processor calls it once, when the
// last batch was exported.
func (c *countingExporter) Shutdown(ctx context.Context) error {
	defer close(c.closed)
	defer c.abandon()
	// Spans that came to the batch processor while it stopped are lost.
	c.counts.droppedLate.Add(c.waiting.Swap(0))
	if c.keep {
		return nil
	}
	return c.exporter.Shutdown(ctx)
}

// partialSuccess is how the OTLP exporters say that a collector took a batch
// but for some spans. The type of that error is internal to them.
var partialSuccess = regexp.MustCompile(`OTLP partial success: .*\((\d+) spans rejected\)`)

func rejectedSpans(err error) (int64, bool) {
	match := partialSuccess.FindStringSubmatch(err.Error())
	if match == nil {
		return 0, false
	}
	n, err := strconv.ParseInt(match[1], 10, 64)
	return n, err == nil
}
