package choreography

import (
	"maps"
	"slices"
	"time"

	"github.com/laban-io/laban/internal/topic"
)

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
	// Said is when it was said, by the service's clock; zero where that is not
	// known.
	Said time.Time
}

// stoppedAfter is how long others must have gone on announcing themselves for a
// service that did not to be taken as stopped. Services do so hourly, unless
// they are told otherwise.
const stoppedAfter = 3 * time.Hour

// Running returns the last announcement of each service that runs, as far as the
// log tells: given in the log's order, and returned in that of names. Stopped
// are those that went quiet more than three hours before the newest
// announcement of any. What came before in the log was said before, whatever
// clocks say.
func Running(announcements []Announcement) (running, stopped []Announcement) {
	last, at, newest := map[string]Announcement{}, map[string]time.Time{}, time.Time{}
	for _, a := range announcements {
		if a.Said.After(newest) {
			newest = a.Said
		}
		if a.Service != "" {
			last[a.Service], at[a.Service] = a, newest
		}
	}
	for _, s := range slices.Sorted(maps.Keys(last)) {
		if newest.Sub(at[s]) > stoppedAfter {
			stopped = append(stopped, last[s])
		} else {
			running = append(running, last[s])
		}
	}
	return running, stopped
}

// Asks tells whether one of the bindings matches an event type: "*" stands for
// one word, "#" for any number of them.
func (a Announcement) Asks(eventType string) bool { return topic.AnyMatches(a.Bindings, eventType) }

// Title returns the service with its version, as text that is safe to print.
func (a Announcement) Title() string {
	if a.Version == "" {
		return shown(a.Service)
	}
	return shown(a.Service) + " " + shown(a.Version)
}

// shown returns a name as it is, or in quotes where it could hide something.
func shown(name string) string {
	if fault, _ := nameFault(name); fault != "" {
		return quote(name)
	}
	return clip(name)
}
