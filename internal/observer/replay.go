package observer

import (
	"context"
	"errors"
	"fmt"

	"github.com/laban-io/laban/internal/observer/source"
)

// ErrNotEmpty tells that a replay was to go into a ledger that has something.
var ErrNotEmpty = errors.New("the ledger is not empty: a replay builds a new one, so name one that does not exist yet, or delete this one")

// Replay reads the log from a place to the record before an offset, at full
// speed, into a ledger that is empty. It pulses nothing and states nothing: the
// result is what an observer found that read the log as it was written, by the
// contracts that the log says were in force.
// [Observer.Status] tells how far it is.
func (o *Observer) Replay(ctx context.Context, from source.Place, end uint64) error {
	if o.cfg.Ledger == nil {
		return errors.New("a replay needs a ledger")
	}
	head, err := o.cfg.Ledger.Head(ctx)
	if err != nil {
		return err
	}
	if head.Position.Next != 0 || head.Position.LogID != "" {
		return ErrNotEmpty
	}
	o.role.Store(Replaying)
	if err = o.replay(ctx, from, end); errors.Is(err, errAssumed) {
		o.lookAhead = true
		err = o.replay(ctx, from, end)
	}
	if err != nil {
		return fmt.Errorf("replay the log: %w", err)
	}
	return ctx.Err()
}

func (o *Observer) replay(ctx context.Context, from source.Place, end uint64) error {
	e := o.newEngine()
	e.limit, e.from = end, from
	place, err := e.load(ctx)
	if err != nil || end == 0 || from.Known && from.Next >= end {
		return err
	}
	from.Mapping = place.Mapping
	return o.work(ctx, e, nil, from)
}
