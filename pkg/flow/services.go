package flow

import (
	"cmp"
	"slices"
	"strings"

	"github.com/laban-io/laban/internal/topic"
)

// services is what the log says of services and their queues.
type services struct {
	byName map[string]*serviceSeen
}

// serviceSeen is what is known of one service.
type serviceSeen struct {
	name  string
	queue QueueSeen
	// seen tells that a pulse told of the queue.
	seen bool
	// instances are what its instances announced, the newest last.
	instances []Announcement
	// standing is what the queue looked like when its stalls were reasoned
	// about last, and reasoned the pulse at which they were.
	standing standing
	reasoned int64
	// doubtful is the first deadline for which what is unacknowledged had not
	// been counted late enough, or 0.
	doubtful int64
}

// standing is what of a queue a cause is read from.
type standing struct {
	seen, missing, noConsumer, ready, unacked, unackedKnown, hidden bool
}

// Bounds of what is remembered of services.
const (
	maxServices  = 10_000
	maxInstances = 32
	// reasonEvery is how often the causes of a service's stalls are looked at
	// again where its queue changes back and forth.
	reasonEvery = int64(5_000_000_000)
)

func newServices() services { return services{byName: map[string]*serviceSeen{}} }

// of returns what is known of a service, or nil where there is no more room.
func (s *services) of(name string) *serviceSeen {
	seen := s.byName[name]
	if seen == nil && len(s.byName) < maxServices {
		seen = &serviceSeen{name: strings.Clone(name)}
		s.byName[seen.name] = seen
	}
	return seen
}

// see takes over what a pulse tells of queues, and returns the services whose
// stalls have to be reasoned about again, sorted.
func (s *services) see(queues []QueueSeen, now int64) []string {
	var changed []string
	for i := range queues {
		seen := s.of(queues[i].Service)
		if seen == nil {
			continue
		}
		seen.queue, seen.seen = queues[i], true
		is := seen.stands()
		counted := seen.doubtful != 0 && (queues[i].Counted.IsZero() || nanos(queues[i].Counted) >= seen.doubtful)
		if is == seen.standing && !counted {
			continue
		}
		// Consumers that come or go are told at once, and so is what was counted.
		if is.noConsumer == seen.standing.noConsumer && is.missing == seen.standing.missing && !counted && now-seen.reasoned < reasonEvery {
			continue
		}
		seen.standing, seen.reasoned, seen.doubtful = is, now, 0
		changed = append(changed, seen.name)
	}
	slices.Sort(changed)
	return slices.Compact(changed)
}

func (s *serviceSeen) stands() standing {
	q := s.queue
	return standing{
		seen: s.seen, missing: q.Missing, noConsumer: q.Consumers == 0, ready: q.Ready > 0,
		unacked: q.Unacked > 0, unackedKnown: q.Unacked >= 0, hidden: q.Hidden,
	}
}

// announce takes over what an instance says of itself.
func (s *services) announce(a Announcement) {
	seen := s.of(a.Service)
	if seen == nil {
		return
	}
	// Instances of another version have been replaced, or will say otherwise
	// within the hour.
	seen.instances = slices.DeleteFunc(seen.instances, func(b Announcement) bool { return b.Instance == a.Instance || b.Version != a.Version })
	if len(seen.instances) == maxInstances {
		seen.instances = slices.Delete(seen.instances, 0, 1)
	}
	seen.instances = append(seen.instances, a)
}

// asksKnown tells whether it is known which events the service's queue asks for.
func (s *serviceSeen) asksKnown() bool { return s.queue.BindingsKnown || len(s.instances) > 0 }

// unbound tells whether the service's queue does not ask for an event of this
// type, by what was seen of the queue, or else by what the service's newest
// instance announced.
func (s *serviceSeen) unbound(eventType string) (Finding, bool) {
	if s.queue.BindingsKnown {
		return Finding{
			Cause: NotBound, Certainty: Certain, Evidence: "the queue of " + s.name + " does not ask for " + eventType,
		}, !topic.AnyMatches(s.queue.Bindings, eventType)
	}
	if n := len(s.instances); n > 0 {
		return Finding{
			Cause: NotBound, Certainty: Likely, Evidence: "by what " + s.name + " announced, its queue does not ask for " + eventType,
		}, !topic.AnyMatches(s.instances[n-1].Bindings, eventType)
	}
	return Finding{}, false
}

// Announce takes over what a service says of itself.
func (t *Tracker) Announce(a *Announcement) []Transition {
	t.begin(a.Offset)
	kept := *a
	kept.Service, kept.Version, kept.Instance, kept.Queue = strings.Clone(a.Service), strings.Clone(a.Version), strings.Clone(a.Instance), strings.Clone(a.Queue)
	kept.Bindings, kept.Emits = slices.Clone(a.Bindings), slices.Clone(a.Emits)
	t.services.announce(kept)
	t.reason(a.Service, true)
	return t.transitions
}

// Announced returns the newest announcement of each service, by name.
func (t *Tracker) Announced() []Announcement {
	var all []Announcement
	for _, s := range t.services.byName {
		if n := len(s.instances); n > 0 {
			all = append(all, s.instances[n-1])
		}
	}
	slices.SortFunc(all, func(a, b Announcement) int { return cmp.Compare(a.Service, b.Service) })
	return all
}

// Queues returns what was last seen of each service's queue, by service.
func (t *Tracker) Queues() []QueueSeen {
	var all []QueueSeen
	for _, s := range t.services.byName {
		if s.seen {
			all = append(all, s.queue)
		}
	}
	slices.SortFunc(all, func(a, b QueueSeen) int { return cmp.Compare(a.Service, b.Service) })
	return all
}
