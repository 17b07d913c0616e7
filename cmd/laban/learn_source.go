package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/laban-io/laban/internal/learn"
	"github.com/laban-io/laban/internal/observer/record"
	"github.com/laban-io/laban/pkg/amqpbus"
	"github.com/laban-io/laban/pkg/bus"
)

// read reads the log that the flags name, to its end.
func (f *learnFlags) read(ctx context.Context, s streams) (*learn.Log, error) {
	switch {
	case f.config != "":
		return readObserved(ctx, f.config, learn.NewLogOf(f.keep), s.err)
	case f.from == "":
		return f.readBroker(ctx, s.err)
	case f.from == "-":
		return readLines(ctx, s.in, "standard input", learn.NewLogOf(f.keep), s.err)
	}
	file, err := os.Open(f.from)
	if err != nil {
		return nil, fmt.Errorf("read the events: %w", err)
	}
	defer func() { _ = file.Close() }() // it was only read
	return readLines(ctx, file, f.from, learn.NewLogOf(f.keep), s.err)
}

// told is a reader that tells how much of it was read, every two seconds, and
// ends with its context.
type told struct {
	io.Reader
	ctx      context.Context //nolint:containedctx // a reader takes none
	progress *progress
	bytes    int64
}

func (r *told) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := r.Reader.Read(p)
	r.bytes += int64(n)
	r.progress.tell("reading the events: %d MB", r.bytes/1_000_000)
	return n, err
}

func readLines(ctx context.Context, r io.Reader, name string, log *learn.Log, progress io.Writer) (*learn.Log, error) {
	lines, err := log.ReadLines(&told{Reader: r, ctx: ctx, progress: newProgress(progress)})
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", name, err)
	case lines.Read == 0:
		return nil, fmt.Errorf("%s is empty: it must have an event in each line; see laban learn --help", name)
	case lines.Bad == lines.Read:
		return nil, fmt.Errorf("%s has no event in any of its %s; %w", name, counted(lines.Read, "line"), lines.First)
	case lines.Bad > 0:
		fmt.Fprintf(progress, "%s: %d of %s left out; %v\n", name, lines.Bad, counted(lines.Read, "line"), lines.First)
	}
	return log, nil
}

// readBroker reads the events of Laban's own log.
func (f *learnFlags) readBroker(ctx context.Context, progress io.Writer) (*learn.Log, error) {
	tls, err := amqpbus.LoadTLS(os.Getenv("AMQP_TLS_CA"), os.Getenv("AMQP_TLS_CERT"), os.Getenv("AMQP_TLS_KEY"))
	if err != nil {
		return nil, fmt.Errorf("AMQP_TLS_…: %w", err)
	}
	log := learn.NewLogOf(f.keep)
	began := time.Now()
	reading := newProgress(progress)
	cfg := amqpbus.Config{URLs: []string{f.broker.url}, TLS: tls, Prefix: f.broker.prefix, Name: "laban learn"}
	err = amqpbus.ReadLog(ctx, cfg, func(r bus.LogRecord, last uint64) error {
		reading.tell("reading the log: record %d of %d", r.Offset, last)
		addRecord(log, r)
		return nil
	})
	if err != nil {
		return nil, err
	}
	log.EndedAt(began)
	return log, nil
}

// addRecord adds the event that a record of the log is, or the pulse. Copies
// that wait for another attempt, or that were parked, are neither, and nor is
// what services say of themselves.
func addRecord(log *learn.Log, r bus.LogRecord) {
	e := &r.Event
	switch {
	case r.Malformed != nil:
	case r.Kind == bus.RecordEvent:
		log.Add(&learn.Record{
			Type: e.Type, Source: e.Source, FlowName: e.FlowName, FlowID: e.FlowID, Key: e.Subject, ID: e.ID, CausationID: e.CausationID,
			Time: e.Time, TriggerTime: e.TriggerTime,
		})
	case r.Kind == bus.RecordDirect && e.Type == record.PulseType:
		if own, err := record.Decode(*e); err == nil {
			addOwn(log, own)
		}
	}
}

// addOwn adds a pulse; other records of an observer tell nothing of flows.
func addOwn(log *learn.Log, own record.Record) {
	if p, ok := own.(record.Pulse); ok {
		log.Pulse(p.Time)
	}
}
