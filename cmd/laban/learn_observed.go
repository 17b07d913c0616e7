package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/laban-io/laban/internal/learn"
	"github.com/laban-io/laban/internal/observer/config"
	"github.com/laban-io/laban/internal/observer/source"
)

// silentAfter is how long a log that is known to have more may send nothing.
const silentAfter = 30 * time.Second

// errRead ends reading at what was the log's end when it began.
var errRead = errors.New("the end is read")

// readObserved reads the log of an observer as that reads it: what its taps
// take, by its mappings.
func readObserved(ctx context.Context, path string, log *learn.Log, progress io.Writer) (*learn.Log, error) {
	cfg, err := config.Load(path, os.LookupEnv)
	if err != nil {
		return nil, &statusError{2, err}
	}
	if err := cfg.Validate(); err != nil {
		return nil, &statusError{2, fmt.Errorf("%s: %w", path, err)}
	}
	from, err := source.Open(cfg, slog.New(slog.NewTextHandler(progress, &slog.HandlerOptions{Level: slog.LevelWarn})))
	if err != nil {
		return nil, err
	}
	end, err := from.End(ctx)
	switch {
	case err != nil:
		return nil, fmt.Errorf("the observer's log: %w; has laban observe run with this configuration?", err)
	case end == 0:
		return nil, fmt.Errorf("the observer's log %s is empty: let laban observe --config %s run for a while", cfg.Log, path)
	}
	began := time.Now()
	reading := newProgress(progress)
	malformed := 0
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watch := time.AfterFunc(silentAfter, func() {
		cancel(fmt.Errorf("the log has %d records and sent nothing more for %s", end, silentAfter))
	})
	defer watch.Stop()
	err = from.Read(ctx, source.Place{Mapping: cfg.Mapping()}, func(items []source.Item) error {
		watch.Reset(silentAfter)
		for i := range items {
			if items[i].Kind == source.Malformed {
				malformed++
			}
			addItem(log, &items[i])
			if items[i].Offset+1 >= end {
				return errRead
			}
		}
		reading.tell("reading the log: record %d of %d", items[len(items)-1].Offset, end)
		return nil
	})
	switch {
	case errors.Is(err, errRead):
	case err != nil:
		return nil, err
	default:
		return nil, fmt.Errorf("read the observer's log: %w", context.Cause(ctx))
	}
	if malformed > 0 {
		fmt.Fprintf(progress, "%s of the log could not be read as events and were left out\n", counted(malformed, "record"))
	}
	log.EndedAt(began)
	return log, nil
}

// addItem adds an item of an observer's log.
func addItem(log *learn.Log, item *source.Item) {
	switch item.Kind {
	case source.Event:
		e := &item.Event
		log.Add(&learn.Record{
			Type: e.Type, Source: e.Source, FlowName: e.FlowName, FlowID: e.FlowID, Key: e.Key, ID: e.ID, CausationID: e.CausationID,
			Time: e.Time, TriggerTime: e.TriggerTime,
		})
	case source.Own:
		addOwn(log, item.Own)
	case source.Failure, source.Announcement, source.Other, source.Malformed, source.Gap:
	}
}
