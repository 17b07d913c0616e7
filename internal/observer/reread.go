package observer

import (
	"context"
	"time"

	"github.com/laban-io/laban/internal/ledger"
	"github.com/laban-io/laban/internal/observer/record"
	"github.com/laban-io/laban/internal/observer/source"
)

// rereading is the stretch of a log that lost its end in which records that were
// applied before come again, up to where the log was cut. Where that is, no
// record tells: what comes before one that is known is known.
type rereading struct {
	until uint64
	noted ledger.Noted
}

// rereads prepares for reading a stretch of the log once more, of which the ledger
// has some, and a batch that is being committed more.
func (e *engine) rereads(ctx context.Context, from, until uint64, underWay *ledger.Batch) error {
	e.again = rereading{until: until, noted: ledger.Noted{}}
	if e.o.cfg.Ledger == nil {
		return nil
	}
	var err error
	if e.again.noted, err = e.o.cfg.Ledger.Noted(ctx, from, until); err != nil {
		return err
	}
	e.again.noted.Add(e.filling)
	if underWay != nil {
		e.again.noted.Add(underWay)
	}
	return nil
}

// known tells how many of the items, from the first on, were applied before. now
// is log time.
func (r *rereading) known(items []source.Item, now time.Time) int {
	if r.until == 0 {
		return 0
	}
	known := 0
	for i := range items {
		item := &items[i]
		switch {
		case item.Kind == source.Gap:
			return known
		case item.Offset >= r.until:
			*r = rereading{}
			return known
		case r.knows(item, now):
			known = i + 1
		}
	}
	return known
}

func (r *rereading) knows(item *source.Item, now time.Time) bool {
	switch item.Kind {
	case source.Event:
		return r.noted.Has(item.Offset, item.Event.ID)
	case source.Failure:
		return r.noted.Has(item.Offset, item.Failure.EventID)
	case source.Own:
		switch own := item.Own.(type) {
		case record.Pulse:
			return !own.Time.After(now) // those that are new are later
		case record.Stray:
			return r.noted.Has(item.Offset, own.EventID)
		case record.Closed:
			return r.noted.Has(item.Offset, "")
		case record.Redriven:
			return r.noted.Has(item.Offset, own.EventID)
		}
	case source.Announcement, source.Other, source.Malformed, source.Gap:
	}
	return false
}
