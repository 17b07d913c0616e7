package process

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/laban-io/laban/internal/ledger"
	"github.com/laban-io/laban/internal/observer"
	"github.com/laban-io/laban/internal/observer/config"
	"github.com/laban-io/laban/internal/observer/marker"
	"github.com/laban-io/laban/internal/observer/source"
)

// Progress is how far a replay is.
type Progress struct {
	// Offset is the last record that was applied, First and End the offsets
	// that it goes from and ends before. First is 0 until it is known.
	First, Offset, End uint64
	// Rate is records a second, over the whole replay.
	Rate float64
	// Left is how long it will take at that rate; negative where nobody knows.
	Left time.Duration
	Took time.Duration
}

// ParseFrom reads where a replay begins: "first", an offset, or a time of RFC
// 3339.
func ParseFrom(text string) (source.Place, error) {
	if text == "first" {
		return source.Place{}, nil
	}
	if n, err := strconv.ParseUint(text, 10, 63); err == nil {
		return source.Place{Known: true, Next: n}, nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return source.Place{}, fmt.Errorf("%q is not where a log can be read from; give first, an offset such as 1200, or a time such as 2026-01-31T08:00:00Z", text)
	}
	return source.Place{Since: at}, nil
}

// Replay builds a ledger from the log, up to where that ends now. Markers in it
// count as exported: they were, when the log was read for the first time.
func Replay(ctx context.Context, cfg *config.Config, from source.Place, opts Options, told func(Progress)) (last Progress, err error) {
	if cfg.Ledger == config.NoLedger {
		return last, errors.New("ledger: none keeps nothing; name the ledger to build, such as sqlite:replayed.db")
	}
	if err := cfg.Validate(); err != nil {
		return last, err
	}
	contracts, err := cfg.ReadContracts()
	if err != nil {
		return last, err
	}
	log, err := source.Open(cfg, opts.Logger)
	if err != nil {
		return last, err
	}
	l, err := ledger.Open(ctx, cfg.Ledger, ledger.Config{})
	if err != nil {
		return last, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	obs, err := observer.New(observer.Config{
		Log: log, Ledger: l, Contracts: contracts, Mapping: cfg.Mapping(), Queues: cfg.Queues,
		KeepPayloads: cfg.Payloads.Keep, Redact: cfg.Payloads.Redact, Marker: marker.From,
		Version: opts.Version, Logger: opts.Logger,
	})
	if err != nil {
		return last, err
	}
	end, err := log.End(ctx)
	if err != nil {
		return last, fmt.Errorf("find the end of the log: %w", err)
	}
	begun := time.Now()
	look := func() Progress {
		p := Progress{Offset: obs.Status().Log.Offset, End: end, Left: -1, Took: time.Since(begun), First: from.Next}
		if done := float64(p.Offset) - float64(p.First); done > 0 {
			p.Rate = done / p.Took.Seconds()
			p.Left = time.Duration(float64(end-min(end, p.Offset+1)) / p.Rate * float64(time.Second))
		}
		return p
	}
	telling, stop := context.WithCancel(ctx)
	var works sync.WaitGroup
	works.Go(func() {
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-telling.Done():
				return
			case <-tick.C:
				told(look())
			}
		}
	})
	err = obs.Replay(ctx, from, end)
	stop()
	works.Wait()
	if err != nil {
		return look(), err
	}
	return look(), markExported(ctx, l)
}

// markExported notes that all markers were exported.
func markExported(ctx context.Context, l *ledger.Ledger) error {
	return marker.New(marker.Config{Pending: l}).Flush(ctx)
}
