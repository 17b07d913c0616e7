package demo

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// gather asks the services, while they run, for what the log does not say. They
// may be a moment behind the log: it asks until all agrees, or for as long as
// they may take.
func (d *demo) gather(ctx context.Context) evidence {
	enough := time.After(d.cfg.checkLimit)
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		e := d.ask(ctx)
		if d.book.holds(e) {
			return e
		}
		select {
		case <-again.C:
		case <-enough:
			return e
		case <-ctx.Done():
			return e
		}
	}
}

// ask asks everybody once.
func (d *demo) ask(ctx context.Context) evidence {
	ctx, cancel := context.WithTimeout(ctx, 2*dialTimeout)
	defer cancel()
	e := evidence{unasked: make(map[string]error)}
	ask := func(question string, f func() error) {
		if err := f(); err != nil {
			e.unasked[question] = err
		}
	}
	ask("stock", func() (err error) { e.stock, err = d.services.inventory.Levels(ctx); return err })
	ask("statuses", func() (err error) { e.statuses, err = d.client.statuses(ctx); return err })
	ask("lost", func() (err error) { e.lost, err = d.broker.lost(ctx); return err })
	e.captures, e.parcels, e.mails = d.services.provider.Captures(), d.services.carrier.Parcels(), d.services.mailbox.received()
	return e
}

// stopServices ends the services in good order, or at once if ctx has ended.
func (d *demo) stopServices(ctx context.Context) error {
	limit := stopLimit
	if ctx.Err() != nil {
		limit = time.Second
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	return d.services.stop(ctx)
}

// conclude prints the report.
func (d *demo) conclude(ctx context.Context, e evidence) (*Report, error) {
	r := d.book.report(e)
	if d.watcher != nil {
		v := d.verdict()
		asked := len(d.cfg.Faults) > 0 && !d.cfg.Gentle
		r.watched(v, d.book.unlike(d.watcher.found), asked || r.Stopped > 0 || len(v.Kinds) > 0)
	}
	for _, l := range append([]line{nil}, r.lines(d.tracesTo)...) {
		if err := d.print(l); err != nil {
			return r, err
		}
	}
	flush, cancel := context.WithTimeout(ctx, flushLimit)
	defer cancel()
	if dropped := d.services.flush(flush); dropped > 0 && d.tracesTo != "" {
		what := fmt.Sprintf("%s could not be sent to %s; does a collector listen there?", plural(dropped, "span"), d.tracesTo)
		if err := d.print(line{{"  ! ", yellow}, {what, plainText}}); err != nil {
			return r, err
		}
	}
	if r.OK() {
		return r, nil
	}
	return r, errors.Join(ErrFailed, d.printLogs())
}

// printLogs prints the last log lines that may tell why something failed.
func (d *demo) printLogs() error {
	lines := d.logs.telling()
	if len(lines) == 0 {
		return nil
	}
	hint := "the services' last complaints (--log-file FILE keeps the whole log):"
	if d.cfg.LogFile != "" {
		hint = "the services' last complaints (all of the log is in " + d.cfg.LogFile + "):"
	}
	if err := errors.Join(d.print(nil), d.print(text("  "+hint, bold))); err != nil {
		return err
	}
	for _, l := range lines {
		if err := d.print(text("    "+l, dim)); err != nil {
			return err
		}
	}
	return nil
}

// explain adds the services' complaints to an error that ended the run.
func (d *demo) explain(err error) error {
	return errors.Join(err, d.printLogs())
}

func (d *demo) print(l line) error {
	if _, err := fmt.Fprintln(d.cfg.Out, l.render(0, d.cfg.Colours)); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}
