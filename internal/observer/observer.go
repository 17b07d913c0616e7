package observer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/laban-io/laban/internal/ledger"
	"github.com/laban-io/laban/internal/observer/record"
	"github.com/laban-io/laban/internal/observer/source"
	"github.com/laban-io/laban/pkg/choreography"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/pkg/flow"
)

// Observer watches a log. Its methods are safe for concurrent use; Run is
// called once.
type Observer struct {
	cfg     Config
	id      string // of this process, as its pulses say it
	log     *slog.Logger
	started time.Time

	contracts   *contracts
	subscribers subscribers
	sight       sight
	pulser      pulser
	leading     signal
	// lease is what it pulses by, nil where it does not.
	lease atomic.Pointer[source.Lease]
	// term is what the observer works in while it leads.
	term      atomic.Pointer[term]
	termBegan chan struct{} // of size one
	yield     chan struct{} // of size one: give up the lease
	// awayUntil is until when not to try to lead, and waits since when another
	// one leads, 0 where none does. Both are by the clock's elapsed time.
	awayUntil, waits atomic.Int64
	rival            atomic.Pointer[rival] // nil: none is known of

	lookAhead bool         // for whoever runs terms: read what is in force at the log's begin first
	saw       atomic.Bool  // the log up to a pulse of its own
	role      atomic.Value // Role
	picture   atomic.Pointer[picture]
	surveys   chan chan flow.Survey
	surveyed  atomic.Pointer[flow.Survey]
	queues    atomic.Pointer[[]source.ServiceQueue]

	mu       sync.Mutex
	evidence map[string]EvidenceStatus
	bound    []source.Bound
}

// New returns an observer, which does nothing until it is run.
func New(cfg Config) (*Observer, error) {
	cfg.setDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	o := &Observer{
		cfg: cfg, id: event.NewID(), log: cfg.Logger, started: time.Now(), contracts: newContracts(),
		leading: newSignal(), termBegan: make(chan struct{}, 1), yield: make(chan struct{}, 1),
		surveys: make(chan chan flow.Survey), evidence: map[string]EvidenceStatus{},
		pulser: pulser{clock: newClock(cfg.Wall), wake: make(chan struct{}, 1)},
	}
	o.pulser.event.Store(-int64(busyFor)) // none yet
	o.role.Store(Starting)
	o.picture.Store(&picture{})
	o.surveyed.Store(&flow.Survey{})
	o.queues.Store(&[]source.ServiceQueue{})
	for _, c := range cfg.Contracts {
		o.contracts.know(c)
	}
	return o, nil
}

// errStepDown ends a term because another observer leads.
var errStepDown = errors.New("another observer leads")

// Run observes until ctx ends, and returns nil then, after the last commit. It
// returns an error where no retry can help.
func (o *Observer) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var works sync.WaitGroup
	works.Go(func() {
		err := o.cfg.Log.Lead(ctx, source.Leadership{
			Wants: o.wantsToLead, Leads: o.pulse, Waits: o.waitsForTurn,
			Unreachable: func(err error) { o.sight.disconnected(err.Error()) },
		})
		if err != nil {
			cancel(err)
		}
	})
	works.Go(func() { o.watch(ctx) })
	if o.cfg.Ledger != nil && o.cfg.Retention > 0 {
		works.Go(func() { o.retain(ctx) })
	}
	err := o.lead(ctx)
	cancel(nil)
	works.Wait()
	o.subscribers.closeAll()
	if err == nil && !errors.Is(context.Cause(ctx), context.Canceled) {
		err = context.Cause(ctx)
	}
	return err
}

// lead runs a term whenever it is this observer's turn, until ctx ends.
func (o *Observer) lead(ctx context.Context) error {
	for {
		if !o.leading.await(ctx, true) {
			return nil
		}
		if o.rivalWrites(ctx) {
			o.stepDown()
			continue
		}
		err := o.runTerm(ctx)
		o.term.Store(nil)
		o.sight.begin(false)
		switch {
		case ctx.Err() != nil:
			return err
		case errors.Is(err, ledger.ErrConflict):
			o.log.Warn("another observer has written to the ledger; this one stands by", "error", err)
			o.rival.Store(&rival{moved: o.pulser.clock.elapsed()})
			o.stepDown()
		case errors.Is(err, errStepDown):
			o.log.Warn("another observer leads; this one stands by")
			o.role.Store(Standby)
		case errors.Is(err, errAssumed):
			o.log.Info("other contracts than those of the configuration were in force at the begin of the log, which is read for them first")
			o.lookAhead = true
		case errors.Is(err, errUnreadable), errors.Is(err, flow.ErrState), errors.Is(err, ErrAnotherLog):
			return err
		case errors.Is(err, source.ErrRefused) && !o.saw.Load():
			return err // later on, permissions may be on their way from one user to another
		default:
			o.log.Error("the observer begins again from its ledger", "error", err, "in", standDown)
			sleep(ctx, standDown)
		}
	}
}

// stepDown leaves leading to others for a while.
func (o *Observer) stepDown() {
	o.role.Store(Standby)
	o.awayUntil.Store(int64(o.pulser.clock.elapsed() + standDown))
	o.leading.set(false)
	poke(o.yield)
}

func (o *Observer) wantsToLead() bool { return int64(o.pulser.clock.elapsed()) >= o.awayUntil.Load() }

// patience is how long another one may hold the right to pulse before this one
// takes it for the leader: a connection that the broker has not missed yet is
// most often this observer's own.
const patience = 4 * heartbeats

const heartbeats = 3 * time.Second

func (o *Observer) waitsForTurn() {
	now := int64(max(o.pulser.clock.elapsed(), 1))
	since := o.waits.Load()
	if since == 0 {
		o.waits.Store(now)
		since = now
	}
	if o.term.Load() == nil {
		o.role.Store(Standby)
		if o.wantsToLead() {
			o.rival.Store(nil) // who leads is an observer of this log, as it should be
		}
		return
	}
	o.sight.disconnected("another observer holds the right to pulse, or the broker has not missed this one's last connection yet")
	if time.Duration(now-since) > patience {
		o.waits.Store(0)
		o.leading.set(false)
	}
}

// watch says aloud when the observer goes blind, and when it sees again.
func (o *Observer) watch(ctx context.Context) {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	said := NotBlind
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			if by, set := o.pulser.clock.setBy(); set {
				o.log.WarnContext(ctx, "this host's clock was set; log time goes on as before, so nothing stalls by it, and follows the clock when the observer is started again", "by", by)
			}
			t := o.term.Load()
			o.sight.look(now, t != nil && !t.caughtUp.Load())
			reason, _, detail, _, _ := o.sight.verdict()
			if reason == said {
				continue
			}
			if said = reason; reason != NotBlind {
				o.log.WarnContext(ctx, "blind: nothing can be said of flows at the moment", "reason", reason, "detail", detail)
			} else {
				o.log.InfoContext(ctx, "the observer sees")
			}
		}
	}
}

// retain rids the ledger of what is too old.
func (o *Observer) retain(ctx context.Context) {
	tick := time.NewTicker(retainEvery)
	defer tick.Stop()
	for {
		if o.Role() == Active {
			r := ledger.Retention{Finished: o.cfg.Retention, Exported: 24 * time.Hour}
			flows, err := o.cfg.Ledger.Retain(ctx, r, o.pulser.clock.now())
			switch {
			case err != nil && ctx.Err() == nil:
				o.log.ErrorContext(ctx, "the ledger could not be rid of old flows; it is tried again", "error", err)
			case flows > 0:
				o.log.InfoContext(ctx, "old flows left the ledger", "flows", flows)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Role is what the observer does.
func (o *Observer) Role() Role {
	role, _ := o.role.Load().(Role)
	return role
}

// Contracts returns the contracts in force, by name.
func (o *Observer) Contracts() []*choreography.Choreography { return o.contracts.all() }

// Ledger returns the ledger, or nil.
func (o *Observer) Ledger() *ledger.Ledger { return o.cfg.Ledger }

// Subscribe returns the transitions from now on, once they are committed, and a
// function that ends that. At most n wait to be received; where there are more,
// or the observer stops, the channel is closed.
func (o *Observer) Subscribe(n int) (<-chan flow.Transition, func()) { return o.subscribers.add(n) }

// surveyTimeout is how long a survey may wait for the observer to have time.
const surveyTimeout = 2 * time.Second

// Survey counts what there is. It returns the last one where the observer is
// busy, and an empty one where it does not lead.
func (o *Observer) Survey() flow.Survey {
	if o.term.Load() == nil {
		return flow.Survey{}
	}
	answer := make(chan flow.Survey, 1)
	timeout := time.NewTimer(surveyTimeout)
	defer timeout.Stop()
	select {
	case o.surveys <- answer:
		s := <-answer
		o.surveyed.Store(&s)
		return s
	case <-timeout.C:
		return *o.surveyed.Load()
	}
}

// CloseFlow writes into the log that a flow is over, and returns when the broker
// has it.
func (o *Observer) CloseFlow(ctx context.Context, choreography, id, reason, by string) error {
	return o.append(ctx, record.Closed{Choreography: choreography, FlowID: id, Reason: reason, By: by})
}

// append puts a record into the log.
func (o *Observer) append(ctx context.Context, r record.Record) error {
	e, err := record.Encode(r, o.pulser.clock.now())
	if err != nil {
		return err
	}
	write := o.cfg.Log.Append
	if l := o.lease.Load(); l != nil {
		write = (*l).Append
	}
	ctx, cancel := context.WithTimeout(ctx, appendTimeout)
	defer cancel()
	if err := write(ctx, e); err != nil {
		return fmt.Errorf("write %s into the log: %w", r.Type(), err)
	}
	return nil
}

// appendTimeout bounds how long a record may take to be confirmed.
const appendTimeout = 10 * time.Second

// newLogID returns the id of a log that has none.
func newLogID() string { return event.NewID() }

// signal is a truth value that can be waited for.
type signal struct {
	mu     *sync.Mutex
	value  *bool
	change chan struct{} // of size one
}

func newSignal() signal {
	return signal{mu: &sync.Mutex{}, value: new(bool), change: make(chan struct{}, 1)}
}

func (s signal) get() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return *s.value
}

func (s signal) set(v bool) {
	s.mu.Lock()
	*s.value = v
	s.mu.Unlock()
	poke(s.change)
}

// await waits for a value, for one goroutine at a time. It returns false when
// ctx ends.
func (s signal) await(ctx context.Context, want bool) bool {
	for {
		if ctx.Err() != nil {
			return false
		}
		if s.get() == want {
			return true
		}
		select {
		case <-ctx.Done():
		case <-s.change:
		}
	}
}

// poke signals on a channel of size one.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // a signal waits there already
	}
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

func sortedNames[T any](m map[string]T) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.SortFunc(names, cmp.Compare[string])
	return names
}
