package observer

import (
	"maps"
	"time"

	"github.com/laban-io/laban/internal/ledger"
	"github.com/laban-io/laban/internal/observer/record"
	"github.com/laban-io/laban/internal/observer/source"
	"github.com/laban-io/laban/pkg/flow"
)

// picture is what the engine last told of itself. It is not changed once it is
// there.
type picture struct {
	log        LogStatus
	flows      int
	tombstones int
	unclaimed  map[string]uint64
	malformed  map[string]uint64
	tapped     map[string]tappedNow
	announced  []flow.Announcement
	queues     []flow.QueueSeen
	clocks     []flow.Clock
	painted    time.Time
	records    uint64 // since the start
	pace       [paceOver]paceMark
}

// paceMark is how many records there were at a time.
type paceMark struct {
	at      time.Time
	records uint64
}

const (
	paceOver   = 10 // seconds
	paintEvery = 200 * time.Millisecond
)

// readTo is called by the engine after each chunk.
func (o *Observer) readTo(e *engine) {
	o.pulser.busy.Store(e.tracker.Busy() || !e.caughtUp)
}

// eventCame is called by the engine for each event.
func (o *Observer) eventCame() {
	o.pulser.event.Store(int64(o.pulser.clock.elapsed()))
	o.pulser.hurry()
}

// pulseRead is called by the engine for each pulse.
func (o *Observer) pulseRead(e *engine, p *record.Pulse) {
	o.pulser.clock.notBefore(p.Time)
	if p.Observer == o.id && p.Epoch == e.epoch {
		o.sight.read(p.Sequence)
		o.saw.Store(true)
		e.caughtUp = true
	}
}

// servicesChanged is called by the engine when a service announced itself.
func (o *Observer) servicesChanged(e *engine) {
	known := map[string]source.ServiceQueue{}
	// A service on Laban's bus has a queue of its name. Where other systems are
	// observed that is no more than a guess.
	guess := len(o.cfg.Mapping.Taps) > 0
	for _, service := range o.contracts.owing(e.tracker.Retired()...) {
		known[service] = source.ServiceQueue{Service: service, Queue: service, Assumed: guess}
	}
	for service, queue := range o.cfg.Queues {
		known[service] = source.ServiceQueue{Service: service, Queue: queue}
	}
	for _, a := range e.tracker.Announced() {
		if a.Queue != "" {
			known[a.Service] = source.ServiceQueue{Service: a.Service, Queue: a.Queue}
		} else if _, configured := o.cfg.Queues[a.Service]; !configured {
			delete(known, a.Service) // it only publishes
		}
	}
	queues := make([]source.ServiceQueue, 0, len(known))
	for _, service := range sortedNames(known) {
		queues = append(queues, known[service])
	}
	o.queues.Store(&queues)
}

// committedTo notes how far the ledger is.
func (o *Observer) committedTo(p ledger.Position) {
	before := o.picture.Load()
	next := *before
	if p.Next > 0 {
		next.log.Committed = p.Next - 1
	}
	o.picture.Store(&next)
}

// paint takes a picture of the engine, unless the last one is fresh. The engine's
// goroutine calls it now and then, and in the end, without a time.
func (o *Observer) paint(e *engine, t *term, now time.Time) {
	before := o.picture.Load()
	if t != nil {
		defer t.look(e) // last: an observer that sees shows a picture of what it sees
	}
	switch {
	case now.IsZero(), t != nil && e.caughtUp != t.caughtUp.Load():
		now = time.Now()
	case now.Sub(before.painted) < paintEvery:
		return
	}
	e.repaint = false
	o.servicesChanged(e)
	p := &picture{
		painted: now, pace: before.pace, records: before.records,
		flows: e.tracker.Live(), tombstones: e.tracker.Tombstones(),
		unclaimed: maps.Clone(e.state.Unclaimed), malformed: maps.Clone(e.state.Malformed),
		tapped: make(map[string]tappedNow, len(e.state.Tapped)), announced: e.tracker.Announced(),
		queues: e.tracker.Queues(), clocks: e.tracker.Clocks(),
	}
	for name, tap := range e.state.Tapped {
		p.tapped[name] = *tap
	}
	p.log = LogStatus{
		ID: e.state.LogID, Stream: o.cfg.Log.Stream(), Time: e.tracker.Now(), Epoch: e.epoch, Gaps: e.state.Gaps,
		Committed: before.log.Committed,
	}
	if e.next > 0 {
		p.log.Offset = e.next - 1
	}
	if e.next > before.log.Offset+1 && before.log.Offset > 0 {
		p.records += e.next - 1 - before.log.Offset
	}
	p.log.Rate = p.rate(now)
	o.picture.Store(p)
}

// rate is records a second over the last ten seconds.
func (p *picture) rate(now time.Time) float64 {
	slot := &p.pace[now.Unix()%paceOver]
	if now.Sub(slot.at) >= time.Second {
		*slot = paceMark{now, p.records}
	}
	oldest := paceMark{now, p.records}
	for _, m := range p.pace {
		if !m.at.IsZero() && m.at.Before(oldest.at) && now.Sub(m.at) <= (paceOver+1)*time.Second {
			oldest = m
		}
	}
	if span := now.Sub(oldest.at).Seconds(); span > 0 {
		return float64(p.records-oldest.records) / span
	}
	return 0
}

// Status tells how the observer fares.
func (o *Observer) Status() Status {
	p := o.picture.Load()
	s := Status{
		Role: o.Role(), Version: o.cfg.Version, Started: o.started, Log: p.log,
		Flows: p.flows, Tombstones: p.tombstones, Unclaimed: p.unclaimed, Malformed: p.malformed,
		Warnings: o.cfg.Warnings,
	}
	s.Log.Stream = o.cfg.Log.Stream()
	if s.Unclaimed == nil {
		s.Unclaimed, s.Malformed = map[string]uint64{}, map[string]uint64{}
	}
	s.Blind, s.BlindSince, s.BlindDetail, s.Log.LastPulse, s.Log.Lag = o.sight.verdict()
	if s.Blind == Lagging && !s.Log.Time.IsZero() {
		// Of a log that is being caught up with, the observer's own pulses tell
		// only how long it has been at it.
		s.Log.Lag = max(s.Log.Lag, time.Since(s.Log.Time))
	}
	s.Services = o.servicesOf(p)
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, name := range sortedNames(o.evidence) {
		s.Evidence = append(s.Evidence, o.evidence[name])
	}
	announced := EvidenceStatus{Source: "announcements", Available: len(p.announced) > 0, Detail: "versions and bindings of services that announce themselves"}
	if !announced.Available {
		announced.Detail = "no service announces itself, so versions are unknown, and bindings only the management API can tell"
	}
	s.Evidence = append(s.Evidence, announced)
	for _, b := range o.bound {
		tap := TapStatus{Exchange: b.Exchange, Bound: b.Bindings, Problem: b.Problem}
		for exchange, now := range p.tapped {
			if exchange == b.Exchange || tapMatches(b.Exchange, exchange) {
				tap.Records += now.Records
				if now.Last.After(tap.Last) {
					tap.Last = now.Last
				}
			}
		}
		if tap.Problem == "" && tap.Records == 0 {
			tap.Problem = "nothing has come through it yet; if messages are published there, its keys don't match them"
		}
		s.Taps = append(s.Taps, tap)
	}
	return s
}

func (o *Observer) servicesOf(p *picture) []ServiceStatus {
	all := map[string]*ServiceStatus{}
	of := func(name string) *ServiceStatus {
		if all[name] == nil {
			all[name] = &ServiceStatus{Name: name, Unacked: -1}
		}
		return all[name]
	}
	for _, service := range o.contracts.owing() {
		of(service)
	}
	for _, a := range p.announced {
		s := of(a.Service)
		s.Version, s.Queue, s.Bindings, s.Emits, s.Announced = a.Version, a.Queue, a.Bindings, a.Emits, true
	}
	for i := range p.queues {
		q := &p.queues[i]
		s := of(q.Service)
		s.Queue, s.QueueSeen = q.Queue, !q.Missing
		s.Ready, s.Unacked, s.Consumers = q.Ready, q.Unacked, q.Consumers
		if s.Bindings == nil {
			s.Bindings = q.Bindings
		}
	}
	for _, c := range p.clocks {
		if s := all[c.Service]; s != nil {
			s.ClockOffset = c.Offset
		}
	}
	services := make([]ServiceStatus, 0, len(all))
	for _, name := range sortedNames(all) {
		services = append(services, *all[name])
	}
	return services
}
