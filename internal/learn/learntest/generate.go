package learntest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/laban-io/laban/pkg/choreography"
)

// Generate makes a small choreography: a few steps one after the other, each of
// which may fail and is undone then, perhaps two at the same time that are
// joined, perhaps a customer who stops it, perhaps somebody who is told of most.
func Generate(random *rand.Rand) *System {
	anyOf := func(types ...string) choreography.Trigger { return choreography.Trigger{Any: types} }
	s := &System{Contract: &choreography.Choreography{Name: "made", Starts: []string{"shop.begun"}}, Random: random}
	c := s.Contract
	add := func(r choreography.Reaction) {
		if len(r.On.Types()) > 0 {
			r.Within = 10 * time.Second
		}
		c.Reactions = append(c.Reactions, r)
	}
	add(choreography.Reaction{Services: []string{"shop"}, Emits: []string{"shop.begun"}})
	last := "shop.begun"
	var failures []string
	type done struct {
		service, event string
		from           int // failures from here on undo it
	}
	var steps []done
	for i := range 1 + random.IntN(3) {
		service := fmt.Sprintf("step%d", i)
		ok, bad := service+".done", service+".rejected"
		emits := []string{ok}
		if random.IntN(3) > 0 {
			emits = append(emits, bad)
			failures = append(failures, bad)
		}
		add(choreography.Reaction{Services: []string{service}, On: anyOf(last), Emits: emits})
		steps = append(steps, done{service, ok, len(failures)})
		last = ok
	}
	if random.IntN(2) == 0 {
		add(choreography.Reaction{Services: []string{"left"}, On: anyOf(last), Emits: []string{"left.ready"}})
		add(choreography.Reaction{Services: []string{"right"}, On: anyOf(last), Emits: []string{"right.ready"}})
		add(choreography.Reaction{Services: []string{"merger"}, On: choreography.Trigger{All: []string{"left.ready", "right.ready"}}, Emits: []string{"both.ready"}})
		last = "both.ready"
	}
	final := choreography.Reaction{Services: []string{"sender"}, On: anyOf(last), Emits: []string{"goods.sent", "sending.failed"}}
	failures = append(failures, "sending.failed")
	if random.IntN(2) == 0 {
		final.Unless = []string{"shop.stopped"}
		add(choreography.Reaction{Services: []string{"shop"}, Emits: []string{"shop.stopped"}})
		failures = append(failures, "shop.stopped")
		s.Asked = append(s.Asked, Asked{
			Type: "shop.stopped", Service: "shop", Share: 0.4,
			Before: append([]string{"goods.sent"}, failures[:len(failures)-1]...),
		})
	}
	add(final)
	for _, d := range steps {
		if on := failures[d.from:]; random.IntN(3) > 0 {
			add(choreography.Reaction{Services: []string{d.service}, On: anyOf(on...), Undoes: d.event, Emits: []string{d.service + ".released"}})
		}
	}
	var told []string
	for _, r := range c.Reactions {
		for _, t := range r.Emits {
			if random.IntN(4) > 0 && !slices.Contains(told, t) {
				told = append(told, t)
			}
		}
	}
	if random.IntN(2) == 0 && len(told) >= 3 {
		add(choreography.Reaction{Services: []string{"mailer"}, On: anyOf(told...), Emits: []string{"mail.sent"}, Side: true})
	}
	c.Outcomes = choreography.Outcomes{Completed: []string{"goods.sent"}, Failed: failures}
	return s
}
