package marker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/laban-io/laban/internal/ledger"
)

// Pending is where markers wait; see [ledger.Reader.PendingMarkers] and
// [ledger.Ledger.MarkExported].
type Pending interface {
	PendingMarkers(ctx context.Context, limit int) ([]ledger.Marker, error)
	MarkExported(ctx context.Context, at time.Time, ids ...int64) error
}

// Config is what an exporter needs.
type Config struct {
	Pending Pending
	// Client sends. Without one, markers are taken for exported and sent
	// nowhere: a backend that is set up later is not flooded with the past, and
	// the ledger does not grow.
	Client Client
	// Logger takes what somebody should know. Default: none.
	Logger *slog.Logger
	// Poll is how often to look for markers where [Exporter.Wake] is not
	// called. Default 10 s.
	Poll time.Duration
}

// Stats are what an exporter has done since it was made.
type Stats struct {
	// Backlog is how many markers waited when it looked last, counted up to
	// [MaxBacklog].
	Backlog int
	// Exported, Rejected and Failures count markers that a collector took,
	// markers that it refused for good, and attempts that failed and are made
	// again.
	Exported, Rejected, Failures uint64
}

// Bounds of an export.
const (
	// MaxBacklog is how far markers that wait are counted: those of one look.
	MaxBacklog = 2000
	// maxBatch and maxBytes bound what is sent at once.
	maxBatch = 256
	maxBytes = 1 << 20
	// sendTimeout and storeTimeout bound one attempt.
	sendTimeout  = 10 * time.Second
	storeTimeout = 10 * time.Second
	// minBackoff and maxBackoff are the pauses after attempts that fail.
	minBackoff = 250 * time.Millisecond
	maxBackoff = 30 * time.Second
)

// Exporter sends the markers that wait in a ledger, in their order. Its methods
// are safe for concurrent use.
type Exporter struct {
	cfg  Config
	wake chan struct{}
	// turn is held while markers are sent: two at a time would mix their order.
	turn sync.Mutex

	backlog                      atomic.Int64
	exported, rejected, failures atomic.Uint64
}

// New returns an exporter, which sends nothing until it is run.
func New(cfg Config) *Exporter {
	if cfg.Poll <= 0 {
		cfg.Poll = 10 * time.Second
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Exporter{cfg: cfg, wake: make(chan struct{}, 1)}
}

// Wake tells that markers were committed. It never blocks.
func (e *Exporter) Wake() {
	select {
	case e.wake <- struct{}{}:
	default: // it is awake
	}
}

// Stats returns what was done so far.
func (e *Exporter) Stats() Stats {
	return Stats{
		Backlog:  int(e.backlog.Load()),
		Exported: e.exported.Load(), Rejected: e.rejected.Load(), Failures: e.failures.Load(),
	}
}

// Run sends markers until ctx ends, and returns nil then. What fails is tried
// again, for as long as it takes: markers wait in the ledger.
func (e *Exporter) Run(ctx context.Context) error {
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval, pause.MaxInterval = minBackoff, maxBackoff
	failing := false
	for {
		err := e.Flush(ctx)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // the end of ctx is how it ends
		}
		wait := e.cfg.Poll
		if err != nil {
			e.failures.Add(1)
			wait = pause.NextBackOff()
			if !failing {
				e.cfg.Logger.WarnContext(ctx, "markers can't be exported; they wait in the ledger and are tried again. Check the collector and the OTEL_EXPORTER_OTLP_… variables",
					"error", sentence(err.Error()))
			}
		} else {
			pause.Reset()
			if failing {
				e.cfg.Logger.InfoContext(ctx, "markers are exported again")
			}
		}
		failing = err != nil
		if !e.sleep(ctx, wait, !failing) {
			return nil
		}
	}
}

// sleep waits, for a wake-up too where that is asked for. It returns false when
// ctx ends.
func (e *Exporter) sleep(ctx context.Context, wait time.Duration, wakeable bool) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	wake := e.wake
	if !wakeable {
		wake = nil
	}
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
	case <-wake:
	}
	return true
}

// Flush sends all markers that wait, once. After an error those that were not
// sent still wait.
func (e *Exporter) Flush(ctx context.Context) error {
	e.turn.Lock()
	defer e.turn.Unlock()
	for {
		markers, err := e.cfg.Pending.PendingMarkers(ctx, MaxBacklog)
		if err != nil {
			return err
		}
		e.backlog.Store(int64(len(markers)))
		if len(markers) == 0 {
			return nil
		}
		for batch := range batches(markers) {
			if err := e.send(ctx, batch); err != nil {
				return err
			}
			if err := e.settle(ctx, batch); err != nil {
				return err
			}
			e.backlog.Add(-int64(len(batch)))
		}
	}
}

// settle notes that markers are done with.
func (e *Exporter) settle(ctx context.Context, batch []ledger.Marker) error {
	ids := make([]int64, len(batch))
	for i := range batch {
		ids[i] = batch[i].ID
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	return e.cfg.Pending.MarkExported(ctx, time.Now(), ids...)
}

// send sends markers, and returns an error where they have to be sent again.
func (e *Exporter) send(ctx context.Context, batch []ledger.Marker) error {
	if e.cfg.Client == nil {
		return nil
	}
	readable, spans := decode(batch)
	if broken := len(batch) - len(readable); broken > 0 {
		e.reject(ctx, broken, batch, errBroken)
	}
	return e.upload(ctx, readable, spans)
}

// upload sends the spans of markers.
func (e *Exporter) upload(ctx context.Context, batch []ledger.Marker, spans []*tracepb.ResourceSpans) error {
	if len(spans) == 0 {
		return nil
	}
	sendCtx, cancel := context.WithTimeout(ctx, sendTimeout)
	err := e.cfg.Client.UploadTraces(sendCtx, spans)
	cancel()
	verdict, rejected := judge(err)
	switch {
	case verdict == failing:
		return fmt.Errorf("export markers: %w", err)
	case verdict == refused && len(spans) > 1:
		// One of them may be the reason: the others are to arrive.
		half := len(spans) / 2
		if err := e.upload(ctx, batch[:half], spans[:half]); err != nil {
			return err
		}
		return e.upload(ctx, batch[half:], spans[half:])
	case verdict == refused:
		rejected = 1
	}
	n := min(max(int(rejected), 0), len(spans))
	e.exported.Add(uint64(len(spans) - n)) //nolint:gosec // never negative
	if n > 0 {
		e.reject(ctx, n, batch, err)
	}
	return nil
}

var errBroken = errors.New("its bytes can't be read; the ledger is damaged")

// reject counts markers that are not sent again.
func (e *Exporter) reject(ctx context.Context, n int, batch []ledger.Marker, why error) {
	e.rejected.Add(uint64(n)) //nolint:gosec // a count
	e.cfg.Logger.WarnContext(ctx, "markers were refused and are not sent again; the traces of these flows lack them",
		"markers", n, "first_flow", batch[0].FlowID, "last_flow", batch[len(batch)-1].FlowID, "error", sentence(why.Error()))
}
