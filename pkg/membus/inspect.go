package membus

import (
	"slices"
	"strings"

	"github.com/laban-io/laban/pkg/bus"
)

// Parked returns copies of the messages that are parked for a service, oldest
// first.
func (b *Broker) Parked(service string) []bus.Message {
	b.mu.Lock()
	defer b.mu.Unlock()
	if parked := b.parked[service]; parked != nil {
		return parked.list(b.info)
	}
	return nil
}

// Unrouted returns copies of the events that no queue asked for, oldest first.
func (b *Broker) Unrouted() []bus.Message {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.unrouted.list(b.info)
}

// Lost returns copies of the retried and parked messages whose queue was
// missing, oldest first.
func (b *Broker) Lost() []bus.Message {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.lost.list(b.info)
}

// QueueState is what can be seen of a service's queue from outside.
type QueueState struct {
	Service string
	// Ready messages wait, Unacknowledged ones are in a consumer's hand, and
	// Retrying ones wait for another attempt.
	Ready, Unacknowledged, Retrying int
	Parked                          int
	Consumers                       int
	// Bindings are the keys by which it asks for events, sorted.
	Bindings []string
}

// Queues returns the state of every service's queue, by name.
func (b *Broker) Queues() []QueueState {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := make([]QueueState, 0, len(b.queues))
	for name, q := range b.queues {
		s := QueueState{Service: name, Ready: q.entries.len(), Consumers: len(q.consumers)}
		for session := range b.sessions {
			if session.queue == q {
				s.Unacknowledged += len(session.inHand)
			}
		}
		for _, binding := range b.exchange.bindings {
			if binding.queue == q {
				s.Bindings = append(s.Bindings, binding.pattern)
			}
		}
		slices.Sort(s.Bindings)
		for key, r := range b.retries {
			if key.service == name {
				s.Retrying += r.waiting.len()
			}
		}
		if parked := b.parked[name]; parked != nil {
			s.Parked = len(parked.held)
		}
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b QueueState) int { return strings.Compare(a.Service, b.Service) })
	return all
}
