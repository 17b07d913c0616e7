package choreography

import "github.com/laban-io/laban/internal/topic"

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
func (a Announcement) Asks(eventType string) bool { return topic.AnyMatches(a.Bindings, eventType) }

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
