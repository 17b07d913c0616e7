package tracing_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/laban-io/laban/pkg/tracing"
)

// stuckExporter takes batches and holds them until it is released.
type stuckExporter struct {
	release  chan struct{}
	err      error
	taken    atomic.Int64
	shutDown atomic.Bool
}

func (e *stuckExporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	select {
	case <-e.release:
		e.taken.Add(int64(len(spans)))
		return e.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (e *stuckExporter) Shutdown(context.Context) error {
	e.shutDown.Store(true)
	return nil
}

func endSpans(tp *sdktrace.TracerProvider, n int) {
	for range n {
		_, span := tp.Tracer("test").Start(context.Background(), "s")
		span.End()
	}
}

// Every span that ended is exported, or counted as dropped, and never both.
func TestGateCountsWhatAFullQueueDrops(t *testing.T) {
	e := &stuckExporter{release: make(chan struct{})}
	gate, counts := tracing.NewTestGate(e, 100, func(error) {}, sdktrace.WithMaxExportBatchSize(10))
	tp := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(gate))
	const each, writers = 500, 8
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() { endSpans(tp, each) })
	}
	wg.Wait()
	require.GreaterOrEqual(t, counts()[1], int64(each*writers-100-10), "the exporter holds one batch, the queue the rest")
	close(e.release)
	require.NoError(t, tp.Shutdown(context.Background()))
	require.Equal(t, int64(each*writers), counts()[0]+counts()[1])
	require.Equal(t, e.taken.Load(), counts()[0])
	require.True(t, e.shutDown.Load())
	require.Zero(t, counts()[2]+counts()[3])
}

func TestGateFlush(t *testing.T) {
	e := &stuckExporter{release: make(chan struct{})}
	close(e.release)
	gate, counts := tracing.NewTestGate(e, 10, func(error) {})
	tp := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(gate))
	for i := range 20 {
		endSpans(tp, 10)
		require.NoError(t, tp.ForceFlush(context.Background()))
		require.Equal(t, int64(10*(i+1)), e.taken.Load())
	}
	require.NoError(t, tp.Shutdown(context.Background()))
	require.Equal(t, [4]int64{200, 0, 0, 0}, counts())
}

func TestGateCountsFailedExports(t *testing.T) {
	e := &stuckExporter{release: make(chan struct{}), err: errors.New("refused")}
	close(e.release)
	var reported []error
	gate, counts := tracing.NewTestGate(e, 10, func(err error) { reported = append(reported, err) })
	tp := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(gate))
	endSpans(tp, 3)
	require.NoError(t, tp.Shutdown(context.Background()))
	require.Equal(t, [4]int64{0, 0, 3, 0}, counts())
	require.Equal(t, []error{e.err}, reported)
}

func TestGateLeavesOutWhatIsNotSampled(t *testing.T) {
	e := &stuckExporter{release: make(chan struct{})}
	close(e.release)
	gate, counts := tracing.NewTestGate(e, 10, func(error) {})
	tp := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(gate), sdktrace.WithSampler(recordOnly{}))
	endSpans(tp, 30)
	require.NoError(t, tp.Shutdown(context.Background()))
	require.Equal(t, [4]int64{}, counts())
}

type recordOnly struct{ recordAll }

func (recordOnly) ShouldSample(sdktrace.SamplingParameters) sdktrace.SamplingResult {
	return sdktrace.SamplingResult{Decision: sdktrace.RecordOnly}
}

// An exporter that hangs does not hold up the end of a service, and what it
// costs is counted.
func TestGateShutdownKeepsItsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &stuckExporter{release: make(chan struct{})}
		gate, counts := tracing.NewTestGate(e, 100, func(error) {}, sdktrace.WithMaxExportBatchSize(10))
		tp := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(gate))
		tracer := tp.Tracer("test")
		endSpans(tp, 50)
		_, late := tracer.Start(context.Background(), "late")
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		start := time.Now()
		require.ErrorIs(t, gate.Shutdown(ctx), context.DeadlineExceeded)
		require.Equal(t, 2*time.Second, time.Since(start))
		require.Equal(t, [4]int64{0, 0, 50, 0}, counts())
		require.True(t, e.shutDown.Load(), "nothing goes on after it")
		late.End()
		require.Equal(t, int64(1), counts()[3])
	})
}
