package flow_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/laban-io/laban/pkg/choreography"
)

// check checks a property some hundred times, or some thousand where there is
// time.
func check(t *testing.T, property func(*rapid.T)) {
	rounds := 1
	if !testing.Short() {
		rounds = 10
	}
	for range rounds {
		rapid.Check(t, property)
	}
}

// Words of random contracts. Compensations have types of their own.
var (
	someTypes    = []string{"a", "b", "c", "d", "e", "f"}
	someUndos    = []string{"x", "y"}
	someServices = []string{"p", "q", "r"}
)

// drawSome draws between low and high different words.
func drawSome(t *rapid.T, words []string, low, high int, label string) []string {
	drawn := rapid.SliceOfNDistinct(rapid.SampledFrom(words), low, high, rapid.ID[string]).Draw(t, label)
	return slices.Clone(drawn)
}

func maybe(t *rapid.T, percent int, label string) bool {
	return rapid.IntRange(0, 99).Draw(t, label) < percent
}

// drawContract draws a contract with every kind of rule.
func drawContract(t *rapid.T) *choreography.Choreography {
	all := slices.Concat(someTypes, someUndos)
	c := &choreography.Choreography{
		Name: "random", Hash: "random-1", Starts: []string{"a"},
		Idle: time.Duration(rapid.IntRange(1, 20).Draw(t, "idle")) * time.Second,
	}
	outcomes := drawSome(t, someTypes[1:], 1, 3, "outcomes")
	split := rapid.IntRange(0, len(outcomes)).Draw(t, "split")
	c.Outcomes = choreography.Outcomes{Completed: outcomes[:split], Failed: outcomes[split:]}
	c.Reactions = append(c.Reactions, choreography.Reaction{Services: []string{"p"}, Emits: append([]string{"a"}, drawSome(t, someTypes[1:], 0, 1, "unprompted")...)})
	for range rapid.IntRange(1, 5).Draw(t, "reactions") {
		c.Reactions = append(c.Reactions, drawReaction(t, all))
	}
	return c
}

func drawReaction(t *rapid.T, all []string) choreography.Reaction {
	r := choreography.Reaction{Services: drawSome(t, someServices, 1, 2, "services"), Within: time.Duration(rapid.IntRange(1, 60).Draw(t, "within")) * time.Second}
	if maybe(t, 25, "join") {
		r.On.All = drawSome(t, someTypes, 2, 2, "all")
	} else {
		r.On.Any = drawSome(t, all, 1, 3, "any")
	}
	if maybe(t, 30, "undo") {
		r.Undoes = rapid.SampledFrom(someTypes).Draw(t, "undoes")
		r.Emits = drawSome(t, someUndos, 1, 2, "undos")
	} else {
		r.Emits = drawSome(t, someTypes[1:], 1, 2, "emits")
	}
	if maybe(t, 15, "conditional") {
		r.If = drawSome(t, all, 1, 2, "if")
	}
	if maybe(t, 20, "voidable") {
		r.Unless = drawSome(t, all, 1, 2, "unless")
	}
	r.Side = maybe(t, 15, "side")
	r.Optional = !r.Side && maybe(t, 10, "optional")
	return r
}

// drawHistory draws what a log says of one flow: answers as a contract has
// them, and what it does not have: in any order, twice, from others, without
// their causes, early and late.
func drawHistory(t *rapid.T, c *choreography.Choreography, n int) []modelRecord {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	history := []modelRecord{{at: now}}
	var events []modelRecord
	for i := range rapid.IntRange(1, n).Draw(t, "length") {
		switch {
		case maybe(t, 35, "pulse"):
			now = now.Add(rapid.SampledFrom([]time.Duration{0, 250 * time.Millisecond, time.Second, 1001 * time.Millisecond, 4 * time.Second, 40 * time.Second}).Draw(t, "step"))
			history = append(history, modelRecord{at: now})
			continue
		case len(events) > 0 && maybe(t, 8, "duplicate"):
			history = append(history, rapid.SampledFrom(events).Draw(t, "which"))
			continue
		}
		e := drawEvent(t, c, events)
		e.id = fmt.Sprint("id", i)
		if len(events) == 0 && maybe(t, 80, "start") {
			e.eventType, e.source, e.cause = "a", "p", ""
		}
		events = append(events, e)
		history = append(history, e)
	}
	if maybe(t, 30, "shuffled") {
		for i := range history {
			k := rapid.IntRange(i, min(len(history)-1, i+4)).Draw(t, "with")
			if history[i].eventType != "" && history[k].eventType != "" {
				history[i], history[k] = history[k], history[i]
			}
		}
	}
	for range rapid.IntRange(0, 80).Draw(t, "wait") {
		now = now.Add(900 * time.Millisecond)
		history = append(history, modelRecord{at: now})
	}
	return history
}

// drawEvent draws an answer to something that has come, or anything at all.
func drawEvent(t *rapid.T, c *choreography.Choreography, events []modelRecord) modelRecord {
	var e modelRecord
	r := rapid.SampledFrom(c.Reactions).Draw(t, "reaction")
	e.eventType = rapid.SampledFrom(r.Emits).Draw(t, "type")
	e.source = rapid.SampledFrom(r.Services).Draw(t, "source")
	if len(events) > 0 {
		cause := rapid.SampledFrom(events).Draw(t, "cause")
		for _, old := range events {
			if slices.Contains(r.On.Types(), old.eventType) && maybe(t, 60, "right") {
				cause = old
			}
		}
		e.cause = cause.id
	}
	switch {
	case maybe(t, 5, "foreign"):
		e.source = rapid.SampledFrom([]string{"p", "q", "r", "stranger", ""}).Draw(t, "from")
	case maybe(t, 5, "unknown"):
		e.eventType = rapid.SampledFrom([]string{"a", "b", "x", "unheard"}).Draw(t, "of")
	}
	if maybe(t, 30, "uncaused") {
		e.cause = rapid.SampledFrom([]string{"", "", "nowhere", "id3", "id5"}).Draw(t, "of")
	}
	return e
}
