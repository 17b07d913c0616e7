package choreography

import "strings"

// Announcement is what a running service says of itself in the log. Its fields
// are those of bus.Announcement that a contract can be compared with.
type Announcement struct {
	Service, Version, Instance string
	// Queue is the service's queue, and Bindings the event types it asks for, as
	// AMQP topic patterns; both are empty for a service that only publishes.
	Queue    string
	Bindings []string
	// Emits are the event types that it declares to emit.
	Emits []string
}

// Asks tells whether one of the bindings matches an event type: "*" stands for
// one word, "#" for any number of them.
func (a Announcement) Asks(eventType string) bool {
	words := strings.Split(eventType, ".")
	for _, b := range a.Bindings {
		if b == eventType || hasWildcard(b) && matchWords(strings.Split(b, "."), words) {
			return true
		}
	}
	return false
}

// matchWords matches words of a topic. Only the last "#" is ever tried again,
// since it can take what an earlier one could, so that its time is bounded by the
// product of both lengths.
func matchWords(pattern, words []string) bool {
	p, w, hash, taken := 0, 0, -1, 0
	for w < len(words) {
		switch {
		case p < len(pattern) && pattern[p] == "#":
			hash, taken = p, w
			p++
		case p < len(pattern) && (pattern[p] == "*" || pattern[p] == words[w]):
			p++
			w++
		case hash >= 0:
			taken++
			p, w = hash+1, taken
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == "#" {
		p++
	}
	return p == len(pattern)
}

// title returns the service with its version, as text that is safe to print.
func (a Announcement) title() string {
	if a.Version == "" {
		return shown(a.Service)
	}
	return shown(a.Service) + " " + shown(a.Version)
}

// shown returns a name as it is, or in quotes where it could hide something.
func shown(name string) string {
	if nameFault(name) != "" {
		return quote(name)
	}
	return clip(name)
}
