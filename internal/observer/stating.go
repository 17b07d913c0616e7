package observer

import (
	"context"
	"reflect"
	"slices"
	"time"

	"github.com/laban-io/laban/internal/observer/record"
	"github.com/laban-io/laban/internal/observer/source"
	"github.com/laban-io/laban/pkg/choreography"
)

// state states in the log what must be there, once the log has been read to its
// end: its id, the contracts, and how tapped messages are read; each day again,
// since the log forgets its beginning. Exchanges are bound only then, so that
// every tapped message comes after the mapping by which it is read.
func (o *Observer) state(ctx context.Context, t *term) error {
	select {
	case <-ctx.Done():
		return nil
	case <-t.now:
	}
	tapped := make(chan error, 1)
	tapping := false
	for {
		pause := stateEvery
		if err := o.stateOnce(ctx, t); err != nil {
			if ctx.Err() != nil {
				break
			}
			o.log.WarnContext(ctx, "what is in force could not be stated in the log; it is tried again", "error", err)
			pause = 2 * time.Second
		} else if !tapping {
			tapping = true
			go func() { tapped <- o.cfg.Log.Tap(ctx, o.setBound) }()
		}
		select {
		case <-ctx.Done():
		case err := <-tapped:
			return err
		case <-time.After(pause):
			continue
		}
		break
	}
	if tapping {
		return <-tapped
	}
	return nil
}

// stateEvery is how often it is looked whether anything is to be stated.
const stateEvery = 3 * time.Second

func (o *Observer) stateOnce(ctx context.Context, t *term) error {
	s := t.state.Load()
	old := func(at time.Time) bool { return s.at.Sub(at) >= restateEvery }
	if s.logID == "" || old(s.logIDAt) {
		id := s.logID
		if id == "" {
			id = newLogID()
		}
		if err := o.append(ctx, record.Identified{ID: id, Replaces: s.replaces}); err != nil {
			return err
		}
	}
	for _, c := range o.cfg.Contracts {
		if before, ok := s.stated[c.Name]; !ok || before.Hash != c.Hash || old(before.At) {
			if err := o.restateContract(ctx, c.Name, s.inForce[c.Name], c.Hash); err != nil {
				return err
			}
			if err := o.append(ctx, record.Contract{Name: c.Name, Hash: c.Hash, Text: c.Text}); err != nil {
				return err
			}
		}
	}
	for _, name := range sortedNames(s.inForce) {
		if slices.ContainsFunc(o.cfg.Contracts, func(c *choreography.Choreography) bool { return c.Name == name }) {
			continue
		}
		if err := o.restateContract(ctx, name, s.inForce[name], ""); err != nil {
			return err
		}
		o.log.InfoContext(ctx, "a choreography is not in the configuration any more: it is retired; its flows under way end by its rules", "choreography", name)
		if err := o.append(ctx, record.Retired{Name: name}); err != nil {
			return err
		}
	}
	if len(o.cfg.Mapping.Taps) == 0 && len(s.mapping.Taps) == 0 {
		return nil
	}
	if !reflect.DeepEqual(s.mapping, o.cfg.Mapping) || s.mappingAt.IsZero() || old(s.mappingAt) {
		return o.append(ctx, o.cfg.Mapping)
	}
	return nil
}

// restateContract states the contract that has been in force where another one,
// or none, is about to take its place: a log that forgets its beginning then
// still says, by its first statement, what was in force before.
func (o *Observer) restateContract(ctx context.Context, name, hash, next string) error {
	if hash == "" || hash == next {
		return nil
	}
	c := o.contracts.of(hash)
	if c == nil {
		return nil // what is not known can't be told
	}
	return o.append(ctx, record.Contract{Name: name, Hash: hash, Text: c.Text})
}

func (o *Observer) setBound(bound []source.Bound) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, b := range bound {
		known := false
		for i := range o.bound {
			known = known || o.bound[i].Exchange == b.Exchange && o.bound[i].Problem == b.Problem && len(o.bound[i].Bindings) == len(b.Bindings)
		}
		switch {
		case known:
		case b.Problem != "":
			o.log.Warn("an exchange is not observed", "tap", b.Exchange, "problem", b.Problem)
		default:
			o.log.Info("observing an exchange", "tap", b.Exchange, "bindings", b.Bindings)
		}
	}
	o.bound = bound
}

func (o *Observer) setEvidence(name string, available bool, detail string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	before, known := o.evidence[name]
	o.evidence[name] = EvidenceStatus{Source: name, Available: available, Detail: detail}
	if known && before.Available && !available {
		o.log.Warn("causes will be less exact", "missing", name, "detail", detail)
	}
}
