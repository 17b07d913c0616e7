package main

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/laban-io/laban/internal/observer/process"
)

func replayCommand(s streams) *cobra.Command {
	f := &observeFlags{}
	var from string
	cmd := &cobra.Command{
		Use:   "replay",
		Short: "Build a ledger from the log",
		Long: `Read the log again, from its first record, an offset or a time, up to where it
ends now, and put what follows into a new ledger. The result is what laban
observe with the same configuration found when it read that log, so a ledger
can be thrown away, or moved to another database.

It pulses nothing and exports no spans.`,
		Example: `  laban replay --config observer.yaml --ledger sqlite:new.db
  laban replay --from 2026-01-31T08:00:00Z --ledger sqlite:morning.db --config observer.yaml`,
		Args: noArguments,
	}
	f.register(cmd)
	flags := cmd.Flags()
	flags.StringVar(&from, "from", "first", "where to begin: first, an `offset` or a time")
	flags.SortFlags = false
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return f.replay(cmd, s, from) }
	return cmd
}

func (f *observeFlags) replay(cmd *cobra.Command, s streams, from string) error {
	cfg, err := f.load()
	if err != nil {
		return &statusError{2, err}
	}
	place, err := process.ParseFrom(from)
	if err != nil {
		return usageError(cmd, fmt.Errorf("--from: %w", err))
	}
	if _, err := f.logger(s); err != nil {
		return usageError(cmd, err)
	}
	level := slog.LevelError // stalls of long ago are no news
	log := slog.New(slog.NewTextHandler(s.err, &slog.HandlerOptions{Level: level}))
	ctx, release := untilStopped(cmd.Context())
	defer release()
	bar := newBar(s.err)
	last, err := process.Replay(ctx, cfg, place, process.Options{Version: version(), Logger: log}, bar.show)
	bar.clear()
	if err != nil {
		return err
	}
	if last.Rate == 0 {
		fmt.Fprintln(s.out, "the log has no records there")
		return nil
	}
	fmt.Fprintf(s.out, "replayed %d records in %v (%.0f/s)\n", last.Offset+1-min(last.First, last.Offset+1), last.Took.Round(time.Millisecond), last.Rate)
	return nil
}

// bar is a progress bar: one line that is written over on a terminal, and a line
// now and then elsewhere.
type bar struct {
	out   io.Writer
	live  bool
	width int
	last  time.Time
}

// barEvery is how often a line is written where it stays.
const barEvery = 5 * time.Second

func newBar(out io.Writer) *bar {
	b := &bar{out: out, last: time.Now()}
	if _, ok := terminal(out); ok {
		b.live, b.width = true, 30
	}
	return b
}

func (b *bar) show(p process.Progress) {
	left := "?"
	if p.Left >= 0 {
		left = p.Left.Round(time.Second).String()
	}
	share := 0.0
	if p.End > p.First {
		share = min(float64(p.Offset-min(p.Offset, p.First))/float64(p.End-p.First), 1)
	}
	text := fmt.Sprintf("%3.0f%%  %d of %d  %.0f/s  %s left", 100*share, p.Offset, p.End, p.Rate, left)
	if b.live {
		full := int(share * float64(b.width))
		fmt.Fprintf(b.out, "\r[%s%s] %s\x1b[K", strings.Repeat("=", full), strings.Repeat(" ", b.width-full), text)
		return
	}
	if time.Since(b.last) >= barEvery {
		b.last = time.Now()
		fmt.Fprintln(b.out, text)
	}
}

// clear takes the bar away.
func (b *bar) clear() {
	if b.live {
		fmt.Fprint(b.out, "\r\x1b[K")
	}
}
