package observer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/laban-io/laban/internal/ledger"
	"github.com/laban-io/laban/internal/observer/source"
	"github.com/laban-io/laban/pkg/choreography"
	"github.com/laban-io/laban/pkg/flow"
)

// load restores everything from the ledger.
func (e *engine) load(ctx context.Context) (source.Place, error) {
	e.o.contracts.begin()
	place := source.Place{FromEnd: e.o.cfg.FromEnd, Mapping: e.o.cfg.Mapping, Doubt: e.o.pulser.hurry}
	l := e.o.cfg.Ledger
	if l == nil {
		e.epoch = time.Now().UnixNano()
		return place, e.begin(ctx, e.beginAt(place))
	}
	var err error
	if e.epoch, err = l.TakeOver(ctx); err != nil {
		return place, err
	}
	head, err := l.Head(ctx)
	if err != nil {
		return place, err
	}
	e.position = head.Position
	if head.Position.Next == 0 && head.Position.LogID == "" {
		return place, e.begin(ctx, e.beginAt(place))
	}
	if len(head.Contracts) == 0 && len(e.o.cfg.Contracts) > 0 && !e.o.cfg.FromEnd {
		e.o.log.InfoContext(ctx, "the ledger knows of no contract yet, so the log is read from its begin", "records", head.Position.Next)
		e.told = head.Position.Next
		return place, e.begin(ctx, e.beginAt(place))
	}
	if err := e.restore(ctx, &head); err != nil {
		if errors.Is(err, errUnreadable) || errors.Is(err, flow.ErrState) {
			err = fmt.Errorf("%w; the ledger is built from the log, so a new one can take its place (laban replay)", err)
		}
		return place, err
	}
	e.next = head.Position.Next
	if e.state.Until > e.next {
		if err := e.rereads(ctx, e.next, e.state.Until, nil); err != nil {
			return place, err
		}
	}
	place.Known, place.Next, place.Fingerprint = head.Position.Next > 0, head.Position.Next, head.Fingerprint
	place.Trail = e.state.Trail
	if !e.state.MappingAt.IsZero() || len(e.state.Mapping.Taps) > 0 {
		place.Mapping = e.state.Mapping
	}
	return place, nil
}

// errUnreadable tells that the ledger has what this program can't read, so that
// trying again is of no use.
var errUnreadable = errors.New("the ledger can't be read")

// begin prepares for a log of which nothing is known.
func (e *engine) begin(ctx context.Context, from source.Place) error {
	if err := e.o.cfg.Counter.Restore(nil); err != nil {
		return err
	}
	contracts := e.o.cfg.Contracts
	if e.o.lookAhead {
		var err error
		if contracts, err = e.o.foresee(ctx, from, e.limit); err != nil {
			return err
		}
	} else {
		e.doubt = newDoubt(contracts)
	}
	for _, c := range contracts {
		e.inForce(c, 0)
	}
	return nil
}

func (e *engine) restore(ctx context.Context, head *ledger.Head) error {
	for _, c := range head.Contracts {
		contract, err := choreography.Parse(c.Name, []byte(c.Text))
		if err != nil {
			return fmt.Errorf("%w: the contract %s: %w", errUnreadable, c.Name, err)
		}
		e.tracker.Know(contract)
		e.o.contracts.know(contract)
	}
	var err error
	if e.state, err = readState(head.Metrics); err != nil {
		return err
	}
	if err := e.tracker.Restore(head.Tracker); err != nil {
		return err
	}
	for name, hash := range e.state.InForce {
		e.o.contracts.use(name, hash)
	}
	if err := e.o.cfg.Counter.Restore(e.state.Counter); err != nil {
		return err
	}
	e.o.cfg.Counter.SetContracts(e.o.contracts.all())
	after, err := e.o.cfg.Ledger.Load(ctx, func(f ledger.LiveFlow) error {
		return e.tracker.RestoreFlow(f.Choreography, f.Rules, f.ID, f.Key, f.State)
	})
	if err != nil {
		return err
	}
	if after.Position != head.Position {
		return fmt.Errorf("load the ledger: %w", ledger.ErrConflict)
	}
	e.tracker.Restored()
	return nil
}
