package observer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/laban-io/laban/internal/ledger"
	"github.com/laban-io/laban/internal/observer/record"
	"github.com/laban-io/laban/internal/observer/source"
)

// ErrAnotherLog tells that the log is not the one that the ledger is of.
var ErrAnotherLog = errors.New("this log is not the one that the ledger is of")

// admit prepares for what items say of the log itself. It refuses a log that is
// another one and did not take the place of the ledger's.
func (o *Observer) admit(ctx context.Context, e *engine, items []source.Item, underWay *ledger.Batch) error {
	if len(items) == 0 {
		return nil
	}
	gap := &items[len(items)-1]
	switch {
	case gap.Kind != source.Gap:
		return nil
	case gap.NewLog && e.limit > 0:
		return fmt.Errorf("%w any more: it changed while it was replayed (%s); begin again with a new ledger", ErrAnotherLog, gap.Detail)
	case gap.NewLog:
		return o.admitLog(ctx, e)
	case gap.Until > 0:
		return e.rereads(ctx, gap.Offset, gap.Until, underWay)
	}
	return nil
}

// olderBy is how much older than the ledger's last record something in a log
// must be to have been there beside the ledger's: the broker's clock and the
// observer's may differ.
const olderBy = time.Hour

// admitTimeout bounds how long it may take to learn whose log this is.
const admitTimeout = 10 * time.Minute

// admitLog refuses a log that has nothing of what the ledger was written from,
// unless it was plainly made anew, in that one's place: nobody has given it
// another id without saying so, and it has nothing from before the last record
// that the ledger has.
func (o *Observer) admitLog(ctx context.Context, e *engine) error {
	id := e.state.LogID
	if id == "" {
		return nil // the ledger is of a log without a name
	}
	if o.cfg.ReplacesLog == id {
		o.log.WarnContext(ctx, "this log takes the place of the one that the ledger is of, as was asked for", "replaces", id)
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, admitTimeout)
	defer cancel()
	who, err := o.whose(ctx)
	if err != nil {
		return fmt.Errorf("learn whose log this is: %w", err)
	}
	what := ""
	switch {
	case who.id != "" && who.id != id && who.replaces != id:
		what = "this one calls itself " + who.id
	case !e.tracker.Now().IsZero():
		since, err := o.firstSince(ctx, e.tracker.Now().Add(-olderBy))
		if err != nil {
			return fmt.Errorf("learn how old the log is: %w", err)
		}
		if since > who.first {
			what = fmt.Sprintf("this one has records from long before %s, the last moment that the ledger knows of", e.tracker.Now().Format(time.RFC3339))
		}
	}
	if what == "" {
		return nil
	}
	return fmt.Errorf("%w: the ledger is of log %s, and %s; nothing of it was written. Most often the broker's URL with its virtual host, or the ledger, is another system's by mistake: "+
		"correct that, or give this log a ledger of its own. If this log did take the other one's place, start with --replaces-log %s: what was under way becomes unknown, and the log is read from its begin",
		ErrAnotherLog, id, what, id)
}

// identity is what a log says of itself.
type identity struct {
	id, replaces string
	first        uint64 // the offset of its first record
}

// whose reads the log until it says who it is, or up to this observer's own
// pulses, which come to the end as of now.
func (o *Observer) whose(ctx context.Context) (who identity, err error) {
	begun := false
	err = o.cfg.Log.Read(ctx, source.Place{Mapping: o.cfg.Mapping}, func(items []source.Item) error {
		for i := range items {
			if !begun {
				begun, who.first = true, items[i].Offset
			}
			switch r := items[i].Own.(type) {
			case record.Identified:
				who.id, who.replaces = r.ID, r.Replaces
				return errEnough
			case record.Pulse:
				if r.Observer == o.id {
					return errEnough
				}
				if r.Log != "" {
					who.id = r.Log
					return errEnough
				}
			}
		}
		return nil
	})
	return who, enough(ctx, err)
}

// firstSince is the offset of the first record of a time, or a little before.
func (o *Observer) firstSince(ctx context.Context, at time.Time) (first uint64, err error) {
	err = o.cfg.Log.Read(ctx, source.Place{Mapping: o.cfg.Mapping, Since: at}, func(items []source.Item) error {
		first = items[0].Offset
		return errEnough
	})
	return first, enough(ctx, err)
}

// enough is err where reading did not end because enough was read.
func enough(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, errEnough):
		return nil
	case err == nil:
		return context.Cause(ctx)
	}
	return err
}
