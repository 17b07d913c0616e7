package demo

import (
	"slices"

	"github.com/laban-io/laban/pkg/bus"
)

// crew is what the services said in the log of themselves: by service, the
// event types it listens to.
type crew map[string][]string

// apply notes an announcement. Other records are none.
func (c crew) apply(r bus.LogRecord) {
	if r.Event.Type != bus.AnnouncementType {
		return
	}
	var a bus.Announcement
	if err := r.Event.Decode(&a); err != nil || a.Service == "" {
		return
	}
	c[a.Service] = a.Bindings
}

// has tells whether all of these services have said who they are.
func (c crew) has(services []string) bool {
	return !slices.ContainsFunc(services, func(s string) bool { _, said := c[s]; return !said })
}

// listeners returns the services that listen to an event type, in the order in
// which an order meets them.
func (c crew) listeners(eventType string) []string {
	var names []string
	for name, bindings := range c {
		if slices.ContainsFunc(bindings, func(b string) bool { return bus.MatchTopic(b, eventType) }) {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int { return place(a) - place(b) })
	return names
}

func (c crew) listens(eventType string) bool { return len(c.listeners(eventType)) > 0 }

// place is a service's place on an order's way. Those who act come before those
// who only keep up.
func place(service string) int {
	return slices.Index([]string{"inventory", "payment", "delivery", "order", "notification"}, service)
}
