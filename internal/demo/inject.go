package demo

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/laban-io/laban/pkg/bus"
)

// injector makes faults around the services: between a transport, which is
// what they receive by, and their handlers. It is safe for concurrent use.
type injector struct {
	faults []Fault
	within deadlines
	book   *book

	mu     sync.Mutex
	rng    *rand.Rand
	begun  time.Time          // zero until the first order is about to be placed
	left   []int              // of each fault made at a moment, how many messages it is still to hit
	spells map[string][]spell // by service
	hits   map[hitKey]*hit
	order  []*hit // as they were made
}

// spell is a time for which a service is away, or slow.
type spell struct {
	kind     FaultKind
	from, to time.Time
}

type hitKey struct{ of, service string } // of which order, and where

// hit is an order that a fault has hit at a service.
type hit struct {
	hitKey
	kind    FaultKind
	eventID string
	// held is how long the order was kept waiting, and due how long the service
	// may take.
	held, due time.Duration
	hangs     time.Duration // of what hangs, for how long it is meant to
	fails     int           // of what fails, how often it is meant to
	over      bool          // it is known how long the order was kept waiting
	from      time.Time     // when it was hit
	wentAway  bool          // of what hangs, the service went away meanwhile
}

// String says what happened, and to which order.
func (h *hit) String() string { return "order " + h.of + ": " + h.kind.String() + " at " + h.service }

func newInjector(faults []Fault, within deadlines, b *book, seed uint64) *injector {
	in := &injector{
		faults: faults, within: within, book: b, rng: rand.New(rand.NewPCG(seed, 0xfa017)), //nolint:gosec // repeatable is what it is to be
		left: make([]int, len(faults)), spells: make(map[string][]spell), hits: make(map[hitKey]*hit),
	}
	for i, f := range faults {
		in.left[i] = f.Times
	}
	return in
}

// begin sets the moment that the faults' moments count from.
func (in *injector) begin(now time.Time) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.begun = now
	for _, f := range in.faults {
		if f.Kind.spell() {
			from := now.Add(f.At)
			in.spells[f.Service] = append(in.spells[f.Service], spell{f.Kind, from, from.Add(in.lasts(f))})
		}
	}
	for _, spells := range in.spells {
		slices.SortFunc(spells, func(a, b spell) int { return a.from.Compare(b.from) })
	}
}

// lasts is how long a fault lasts at the least: longer than a deadline by what
// an observer needs to be sure.
func (in *injector) lasts(f Fault) time.Duration {
	if f.For > 0 {
		return f.For
	}
	longest := time.Duration(0)
	for s, d := range in.within {
		if s.service == f.Service || f.Service == "" {
			longest = max(longest, d)
		}
	}
	return longest + 2*time.Second
}

// isAway tells whether a service is away now.
func (in *injector) isAway(service string, now time.Time) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return slices.ContainsFunc(in.spells[service], func(s spell) bool {
		return s.kind == Die && now.Before(s.to) && !now.Before(s.from)
	})
}

// decide tells what is to become of a delivery: it is one of the hits, or nil
// where the handler is to have it.
func (in *injector) decide(service string, d *bus.Delivery) *hit {
	e := &d.Event
	f, mine := in.book.fateOf(e)
	now := time.Now()
	in.mu.Lock()
	defer in.mu.Unlock()
	key := hitKey{e.Subject, service}
	due, isStep := in.within[step{service, e.Type}]
	if h := in.hits[key]; h != nil {
		// A person who sends it again has mended what was wrong.
		if h.eventID != e.ID || d.Headers[bus.HeaderRedrive] != "" {
			return nil
		}
		return h.again(d.Attempt, now.Sub(e.Time))
	}
	if !mine || in.begun.IsZero() {
		return nil
	}
	if s, ok := in.spellBetween(service, e.Time, now); ok {
		h := &hit{hitKey: key, kind: s.kind, eventID: e.ID, held: now.Sub(e.Time), due: in.dueOf(due, isStep, f), over: true, from: now}
		in.add(h)
		if s.kind == Slow && now.Before(s.to) {
			h.over, h.hangs = false, slowness
			return h
		}
		return nil
	}
	if !isStep || !hittable(f) || d.Attempt > 1 || in.busyWith(e.Subject) {
		return nil
	}
	for i := range in.faults {
		if !in.strikes(i, service, now) {
			continue
		}
		h := &hit{hitKey: key, kind: in.faults[i].Kind, eventID: e.ID, due: due, from: now}
		switch h.kind {
		case Hang:
			h.hangs = in.lasts(in.faults[i])
		case Fail:
			h.fails = failuresFor(due)
		default:
			h.over = true
		}
		in.add(h)
		return h
	}
	return nil
}

// dueOf is the deadline of what was held up, where it is sure that the service
// owes something: an order that is being canceled may owe nothing by then.
func (in *injector) dueOf(due time.Duration, isStep bool, f Fate) time.Duration {
	if !isStep || !hittable(f) {
		return maxFaultTime
	}
	return due
}

// hittable tells whether what an order of this fate owes is known beforehand,
// and comes in time by itself.
func hittable(f Fate) bool { return f != Canceled && f != TimesOut && f != Yours }

func (in *injector) add(h *hit) {
	in.hits[h.hitKey] = h
	in.order = append(in.order, h)
}

// busyWith tells whether a fault has hit the order anywhere.
func (in *injector) busyWith(order string) bool {
	return slices.ContainsFunc(acting(), func(service string) bool { return in.hits[hitKey{order, service}] != nil })
}

// spellBetween returns a spell that the service had between two moments.
func (in *injector) spellBetween(service string, sent, received time.Time) (spell, bool) {
	for _, s := range in.spells[service] {
		if sent.Before(s.to) && received.After(s.from) {
			return s, true
		}
	}
	return spell{}, false
}

// slowness is how long a slow service takes for each message.
const slowness = time.Second

// strikes tells whether fault i hits what a service receives now.
func (in *injector) strikes(i int, service string, now time.Time) bool {
	f := &in.faults[i]
	if f.Kind.spell() || f.Service != "" && f.Service != service {
		return false
	}
	if f.Rate > 0 {
		return in.rng.Float64() < f.Rate
	}
	if in.left[i] == 0 || now.Before(in.begun.Add(f.At)) {
		return false
	}
	in.left[i]--
	return true
}

// again is what becomes of a message that a fault hit, and that comes again.
func (h *hit) again(attempt int, held time.Duration) *hit {
	switch {
	case h.kind.forGood():
		return h
	case h.kind == Fail && attempt <= h.fails:
		return h
	default:
		h.held, h.over = max(h.held, held), true
		return nil
	}
}

// released notes that what hung goes on.
func (in *injector) released(h *hit, held time.Duration) {
	in.mu.Lock()
	defer in.mu.Unlock()
	h.held, h.over = held, true
}

// made returns copies of all hits.
func (in *injector) made() []hit {
	in.mu.Lock()
	defer in.mu.Unlock()
	all := make([]hit, len(in.order))
	for i, h := range in.order {
		all[i] = *h
		s, ok := in.spellBetween(h.service, h.from, h.from.Add(h.hangs))
		all[i].wentAway = h.kind == Hang && ok && s.kind == Die
	}
	return all
}

// failuresFor returns how many attempts have to fail for an order to wait for
// longer than a service may take.
func failuresFor(due time.Duration) int {
	waits := time.Duration(0)
	levels := bus.DefaultRetryLevels()
	for i, level := range levels {
		if waits += level; waits >= due+sureAfter {
			return i + 1
		}
	}
	return len(levels)
}

// wrap puts the injector between a service and its transport.
func (in *injector) wrap(service string, t bus.Transport) bus.Transport {
	if !slices.Contains(acting(), service) {
		return t
	}
	return &faulty{Transport: t, injector: in, service: service}
}

// faulty is a transport with faults.
type faulty struct {
	bus.Transport
	injector *injector
	service  string
}

// lookAway is how often it is looked whether the service has to go away.
const lookAway = 20 * time.Millisecond

// Consume consumes, except while the service is away.
func (f *faulty) Consume(ctx context.Context, s bus.Subscription) error {
	handle := s.Receive
	s.Receive = func(ctx context.Context, d *bus.Delivery) { f.receive(ctx, d, handle) }
	if slices.ContainsFunc(f.injector.faults, func(x Fault) bool { return x.Kind == Slow && x.Service == f.service }) {
		s.Concurrency = 1 // or so many would be in hand that none wait
	}
	look := time.NewTicker(lookAway)
	defer look.Stop()
	for {
		present, goes := context.WithCancel(ctx)
		ended := make(chan error, 1)
		go func() { ended <- f.Transport.Consume(present, s) }()
		err, isOver := f.until(look, ended, func(now time.Time) bool {
			return f.injector.isAway(f.service, now)
		})
		goes()
		if !isOver {
			err = <-ended
		}
		if isOver || err != nil || ctx.Err() != nil {
			return err
		}
		for away := true; away; {
			select {
			case now := <-look.C:
				away = f.injector.isAway(f.service, now)
			case <-ctx.Done():
				return nil
			}
		}
	}
}

// until returns when a condition holds, or what ended.
func (*faulty) until(look *time.Ticker, ended <-chan error, holds func(time.Time) bool) (err error, isOver bool) { //nolint:revive // the error is what ended
	for {
		select {
		case err := <-ended:
			return err, true
		case now := <-look.C:
			if holds(now) {
				return nil, false
			}
		}
	}
}

// errFault is the error of a handler that the demo lets fail.
var errFault = errors.New("a fault of the demo's making")

// settleLimit bounds how long the broker may take to have a verdict.
const settleLimit = 10 * time.Second

// receive hands a delivery to the handler, or does what a broken one would.
func (f *faulty) receive(ctx context.Context, d *bus.Delivery, handle func(context.Context, *bus.Delivery)) {
	h := f.injector.decide(f.service, d)
	if h == nil {
		handle(ctx, d)
		return
	}
	verdict := bus.Verdict{}
	switch h.kind {
	case Hang, Slow:
		hangs := time.NewTimer(h.hangs)
		defer hangs.Stop()
		select {
		case <-hangs.C:
		case <-ctx.Done():
		}
		f.injector.released(h, time.Since(d.Event.Time))
		handle(ctx, d)
		return
	case Park:
		verdict = bus.Verdict{Action: bus.Park, Err: errFault}
	case Fail:
		verdict = bus.Verdict{Action: bus.RetryLater, Level: d.Attempt - 1, Err: errFault}
	default: // dropped: settled as if it had been processed
	}
	if h.kind.forGood() {
		f.injector.book.stoppedForGood(h.of)
	}
	settling, cancel := context.WithTimeout(ctx, settleLimit)
	defer cancel()
	_ = d.Settler.Settle(settling, d, verdict) // where it fails, the message comes again, and so does the fault
}
