package observer

import (
	"context"
	"errors"
	"maps"
	"time"

	"github.com/laban-io/laban/internal/observer/record"
	"github.com/laban-io/laban/internal/observer/source"
	"github.com/laban-io/laban/pkg/choreography"
	"github.com/laban-io/laban/pkg/flow"
)

// What was in force at the begin of a log is not stated there: whoever observed
// it first had to read it before stating anything. The log says so later: by the
// first statement of each contract, and by pulses, which tell what is in force.
// Somebody who reads the log anew assumes the contracts of his configuration,
// which are most often the same, commits nothing until the log confirms that, and
// begins again where it does not.

// errAssumed ends a term, or a replay, that assumed something else than the log
// says was in force.
var errAssumed = errors.New("other contracts were in force at the begin of the log")

// doubt is an assumption that nothing has confirmed yet.
type doubt struct {
	assumed map[string]string // hashes, by name
	stated  map[string]bool   // names of which the log has made a statement
}

func newDoubt(contracts []*choreography.Choreography) *doubt {
	d := &doubt{assumed: map[string]string{}, stated: map[string]bool{}}
	for _, c := range contracts {
		d.assumed[c.Name] = c.Hash
	}
	return d
}

// beginAt is where a log is read from of which nothing is known.
func (e *engine) beginAt(place source.Place) source.Place {
	if e.limit > 0 {
		e.from.Mapping = place.Mapping
		return e.from
	}
	return place
}

// retire puts a contract out of force.
func (e *engine) retire(name string, offset uint64) {
	if e.state.InForce[name] == "" {
		return
	}
	e.o.contracts.retire(name)
	delete(e.state.InForce, name)
	delete(e.state.Stated, name)
	e.o.cfg.Counter.SetContracts(e.o.contracts.all())
	e.took(e.tracker.Retire(&flow.Retirement{Place: flow.Place{Offset: offset}, Choreography: name}))
}

// doubts takes a statement. The first one of a name that comes before any pulse
// tells is of what was in force already: what is added later is stated by an
// observer that comes after one whose pulses told.
func (e *engine) doubts(name, hash string) {
	if e.doubt == nil || e.doubt.stated[name] {
		return
	}
	e.doubt.stated[name] = true
	if e.doubt.assumed[name] != hash {
		e.wrong = true
	}
}

// hears takes what a pulse says is in force. One that says nothing is of an
// observer that had no contract: the first one it gets judges the whole log.
func (e *engine) hears(inForce map[string]string) {
	if e.doubt == nil || len(inForce) == 0 {
		return
	}
	for name, hash := range e.doubt.assumed {
		if !e.doubt.stated[name] && inForce[name] != hash {
			e.wrong = true
		}
	}
	for name := range inForce {
		if _, assumed := e.doubt.assumed[name]; !assumed && !e.doubt.stated[name] {
			e.wrong = true
		}
	}
	if !e.wrong {
		e.doubt = nil
	}
}

// foresight is what a log says of its begin.
type foresight struct {
	first   map[string]record.Contract // the first statement of each name
	early   map[string]bool            // it came before the first pulse that tells
	inForce map[string]string          // what that pulse tells; nil: there was none
}

// foreseeQuiet is how long nothing may come from a log before its end is taken to
// be reached.
const foreseeQuiet = 2 * time.Second

var errEnough = errors.New("enough is known")

// foresee returns the contracts that were in force at a place of the log, by what
// comes after it, up to an offset where that is not 0.
func (o *Observer) foresee(ctx context.Context, from source.Place, end uint64) ([]*choreography.Choreography, error) {
	configured := map[string]*choreography.Choreography{}
	for _, c := range o.cfg.Contracts {
		configured[c.Name] = c
	}
	f := foresight{first: map[string]record.Contract{}, early: map[string]bool{}}
	reading, stop := context.WithCancel(ctx)
	defer stop()
	quiet := time.AfterFunc(foreseeQuiet, stop)
	defer quiet.Stop()
	err := o.cfg.Log.Read(reading, from, func(items []source.Item) error {
		quiet.Reset(foreseeQuiet)
		for i := range items {
			if end > 0 && items[i].Offset >= end {
				return errEnough
			}
			f.take(items[i].Own)
		}
		if f.complete(configured) {
			return errEnough
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) && reading.Err() == nil {
		return nil, err
	}
	return f.contracts(configured), ctx.Err()
}

func (f *foresight) take(own record.Record) {
	switch r := own.(type) {
	case record.Contract:
		if _, known := f.first[r.Name]; !known {
			f.first[r.Name], f.early[r.Name] = r, f.inForce == nil
		}
	case record.Pulse:
		if f.inForce == nil && len(r.Contracts) > 0 {
			f.inForce = maps.Clone(r.Contracts)
		}
	}
}

// complete tells whether nothing more is to be learned.
func (f *foresight) complete(configured map[string]*choreography.Choreography) bool {
	if f.inForce == nil {
		return false
	}
	for name, hash := range f.inForce {
		_, stated := f.first[name]
		if c := configured[name]; !stated && (c == nil || c.Hash != hash) {
			return false
		}
	}
	return true
}

// contracts are those that were in force.
func (f *foresight) contracts(configured map[string]*choreography.Choreography) []*choreography.Choreography {
	found := map[string]*choreography.Choreography{}
	use := func(name string) {
		if c, err := choreography.Parse(name, []byte(f.first[name].Text)); err == nil && c.Name == name {
			found[name] = c
		}
	}
	if f.inForce == nil { // nobody has observed it
		maps.Copy(found, configured)
	}
	for name, early := range f.early {
		if early {
			use(name)
		}
	}
	for name, hash := range f.inForce {
		if f.early[name] {
			continue
		}
		c := configured[name]
		if c == nil || c.Hash != hash {
			use(name) // which was stated once more before it changed
		}
		if found[name] == nil && c != nil {
			found[name] = c // nobody knows better
		}
	}
	contracts := make([]*choreography.Choreography, 0, len(found))
	for _, name := range sortedNames(found) {
		contracts = append(contracts, found[name])
	}
	return contracts
}
