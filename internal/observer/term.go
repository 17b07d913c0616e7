package observer

import (
	"context"
	"errors"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/laban-io/laban/internal/ledger"
	"github.com/laban-io/laban/internal/observer/record"
	"github.com/laban-io/laban/internal/observer/source"
	"github.com/laban-io/laban/pkg/flow"
)

// term is a time in which this observer leads.
type term struct {
	epoch    int64
	id       atomic.Pointer[string] // the log's
	caughtUp atomic.Bool
	now      chan struct{} // closed when it has caught up
	once     sync.Once
	strays   map[string]uint64 // set before now is closed
	state    atomic.Pointer[statements]
}

// statements are what the log states, for the goroutine that states more.
type statements struct {
	logID     string
	logIDAt   time.Time
	replaces  string
	stated    map[string]stated
	inForce   map[string]string // hashes, by name
	mapping   record.Mapping
	mappingAt time.Time
	at        time.Time // log time
}

func (t *term) logID() string {
	if id := t.id.Load(); id != nil {
		return *id
	}
	return ""
}

// runTerm leads: it reads the log and writes the ledger until ctx ends or
// another observer leads.
func (o *Observer) runTerm(ctx context.Context) error {
	o.role.Store(Starting)
	o.waits.Store(0)
	e := o.newEngine()
	place, err := e.load(ctx)
	if err != nil {
		return err
	}
	o.pulser.clock.notBefore(e.tracker.Now())
	t := &term{epoch: e.epoch, now: make(chan struct{})}
	t.look(e)
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	o.sight.begin(true)
	o.pulser.busy.Store(true)
	o.term.Store(t)
	poke(o.termBegan)
	o.role.Store(Active)
	o.cfg.Counter.SetActive(true)
	defer o.cfg.Counter.SetActive(false)
	o.log.InfoContext(ctx, "observing", "stream", o.cfg.Log.Stream(), "from", e.next, "flows", e.tracker.Live(), "epoch", e.epoch)

	var works sync.WaitGroup
	do := func(work func(context.Context) error) {
		works.Go(func() {
			if err := work(ctx); err != nil {
				end(err)
			}
		})
	}
	do(func(ctx context.Context) error {
		if !o.leading.await(ctx, false) {
			return nil
		}
		return errStepDown
	})
	do(func(ctx context.Context) error {
		return o.cfg.Log.Look(ctx, source.Looking{
			Queues:   func() []source.ServiceQueue { return *o.queues.Load() },
			Often:    o.pulser.isBusy,
			Saw:      o.pulser.queues.saw,
			Evidence: o.setEvidence,
		})
	})
	do(func(ctx context.Context) error { return o.state(ctx, t) })
	do(func(ctx context.Context) error {
		select {
		case <-ctx.Done():
			return nil
		case <-t.now:
		}
		return o.cfg.Log.Strays(ctx, t.strays, o.restate, o.setEvidence)
	})
	err = o.work(ctx, e, t, place)
	end(err)
	works.Wait()
	if err == nil {
		if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
			err = cause
		}
	}
	return err
}

func (o *Observer) newEngine() *engine {
	return &engine{
		o: o, tracker: flow.New(o.cfg.Tracker), state: newState(), redact: newRedaction(o.cfg.Redact),
		filling: &ledger.Batch{}, spare: &ledger.Batch{},
	}
}

// chunksAhead is how many chunks of items the reader may be ahead.
const chunksAhead = 8

// work reads, applies and commits until ctx ends, the log can't be read, the
// ledger can't be written, or the engine has reached its limit. What was applied
// is committed before it returns.
func (o *Observer) work(ctx context.Context, e *engine, t *term, place source.Place) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	chunks := make(chan []source.Item, chunksAhead)
	toCommit, committed := make(chan *ledger.Batch, 1), make(chan error, 1)
	readEnd := make(chan error, 1)
	var works sync.WaitGroup
	defer works.Wait()
	defer stop()
	defer close(toCommit)
	works.Go(func() {
		readEnd <- o.cfg.Log.Read(ctx, place, func(items []source.Item) error {
			select {
			case chunks <- items:
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		})
	})
	works.Go(func() {
		for b := range toCommit {
			committed <- o.commit(ctx, b)
		}
	})

	begun := time.Now()
	var underWay *ledger.Batch
	var handedOver time.Time
	var failed error
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for done := false; !done; {
		in := chunks
		if underWay != nil && (e.full() || time.Since(handedOver) > commitPatience) {
			in = nil
		}
		select {
		case <-ctx.Done():
			done = true
		case items := <-in:
			if err := o.admit(ctx, e, items, underWay); err != nil {
				if done = ctx.Err() != nil; done {
					continue
				}
				return err
			}
			if done = e.apply(items); e.wrong {
				return errAssumed
			}
			if e.repaint {
				o.paint(e, t, time.Time{})
			}
		case err := <-committed:
			if err != nil {
				return err
			}
			o.wasCommitted(underWay)
			underWay.Reset()
			e.spare, underWay = underWay, nil
		case err := <-readEnd:
			if ctx.Err() == nil {
				failed = err
			}
			done = true
		case answer := <-o.surveys:
			answer <- e.tracker.Survey()
		case now := <-tick.C:
			o.paint(e, t, now)
			// A stream has nothing to say of a time after its end.
			done = e.limit > 0 && !e.read && !place.Since.IsZero() && now.Sub(begun) > nothingAfter
		}
		if underWay == nil && e.due(time.Now()) {
			if underWay = e.seal(); underWay != nil {
				handedOver = time.Now()
				toCommit <- underWay
			}
		}
	}
	// What was applied is committed, however it ended.
	if underWay != nil {
		if err := <-committed; err != nil {
			return err
		}
		o.wasCommitted(underWay)
	}
	if e.records > 0 && e.read && (e.doubt == nil || e.limit > 0) {
		if b := e.seal(); b != nil {
			if err := o.commit(ctx, b); err != nil {
				return err
			}
			o.wasCommitted(b)
		}
	}
	o.paint(e, t, time.Time{})
	return failed
}

// nothingAfter is how long a replay from a time waits for a first record.
const nothingAfter = 5 * time.Second

// lastCommit is how long the last commit may take once ctx has ended.
const lastCommit = 10 * time.Second

// commit commits a batch, over as many attempts as it takes.
func (o *Observer) commit(ctx context.Context, b *ledger.Batch) error {
	if o.cfg.Ledger == nil {
		return nil
	}
	// A commit that was begun is finished: the ledger is to be as far as it can
	// be when the observer stops.
	patient, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(lastCommit, cancel) })()
	o.sight.commits("it has not answered")
	defer o.sight.committed()
	pause := 100 * time.Millisecond
	for attempt := 1; ; attempt++ {
		err := o.cfg.Ledger.Commit(patient, b)
		if err == nil || errors.Is(err, ledger.ErrConflict) || patient.Err() != nil || ctx.Err() != nil {
			return err
		}
		o.sight.commits(err.Error())
		o.log.ErrorContext(ctx, "the ledger can't be written; it is tried again, and the log is not read on meanwhile", "attempt", attempt, "error", err)
		sleep(ctx, pause)
		pause = min(2*pause, 5*time.Second)
	}
}

// wasCommitted tells the world what a batch holds.
func (o *Observer) wasCommitted(b *ledger.Batch) {
	o.committedTo(b.To)
	if len(b.Markers) > 0 && o.cfg.Committed != nil {
		o.cfg.Committed()
	}
	if len(b.Transitions) > 0 {
		o.subscribers.tell(b.Transitions)
		o.say(b.Transitions)
	}
}

// look takes over what the log states.
func (t *term) look(e *engine) {
	s := &statements{
		logID: e.state.LogID, logIDAt: e.state.LogIDAt, replaces: e.state.Replaces, mapping: e.state.Mapping, mappingAt: e.state.MappingAt,
		stated: make(map[string]stated, len(e.state.Stated)), inForce: maps.Clone(e.state.InForce), at: e.tracker.Now(),
	}
	for name, at := range e.state.Stated {
		s.stated[name] = at
	}
	t.state.Store(s)
	t.id.Store(&s.logID)
	if e.caughtUp {
		t.once.Do(func() {
			t.strays = make(map[string]uint64, len(e.state.Strays))
			for stream, next := range e.state.Strays {
				t.strays[stream] = next
			}
			t.caughtUp.Store(true)
			close(t.now)
		})
	}
}
