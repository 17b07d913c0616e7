package membus

import (
	"slices"

	"github.com/laban-io/laban/pkg/bus"
)

// exchange knows which queues ask for which events. Broker.mu guards it.
type exchange struct {
	bindings []binding
	known    map[string][]*queue // what route found before
}

type binding struct {
	pattern string
	queue   *queue
}

// maxKnown bounds what is remembered: routing keys of foreign publishers can be
// anything.
const maxKnown = 1024

// bind lets q receive what matches a pattern. Binding twice is fine.
func (x *exchange) bind(pattern string, q *queue) {
	b := binding{pattern, q}
	if slices.Contains(x.bindings, b) {
		return
	}
	x.bindings = append(x.bindings, b)
	x.known = nil
}

// unbind ends all bindings of q.
func (x *exchange) unbind(q *queue) {
	x.bindings = slices.DeleteFunc(x.bindings, func(b binding) bool { return b.queue == q })
	x.known = nil
}

// route returns the queues that ask for a routing key, each once.
func (x *exchange) route(key string) []*queue {
	if queues, ok := x.known[key]; ok {
		return queues
	}
	var queues []*queue
	for _, b := range x.bindings {
		if bus.MatchTopic(b.pattern, key) && !slices.Contains(queues, b.queue) {
			queues = append(queues, b.queue)
		}
	}
	if x.known == nil || len(x.known) >= maxKnown {
		x.known = make(map[string][]*queue)
	}
	x.known[key] = queues
	return queues
}
