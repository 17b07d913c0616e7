package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/laban-io/laban/internal/observer/api"
)

// narrow is how wide a journey is printed where nobody says how wide the paper
// is, and wide how wide at most.
const (
	narrow = 80
	wide   = 120
)

// journey prints one flow as a tree.
type journey struct {
	*api.Detail
	paper
	b        strings.Builder
	children map[int][]*api.Event
	owed     map[int][]*api.Obligation
	printed  map[int]bool
}

// printJourney prints a flow: the sentence, the tree, and where the time went.
func printJourney(w io.Writer, d *api.Detail, sentence string, p paper) error {
	if p.width == 0 {
		p.width = narrow
	}
	p.width = max(min(p.width, wide), 40)
	j := &journey{
		Detail: d, paper: p, children: map[int][]*api.Event{}, owed: map[int][]*api.Obligation{}, printed: map[int]bool{},
	}
	j.head(sentence)
	j.tree()
	j.foot()
	_, err := io.WriteString(w, j.b.String())
	return err
}

func (j *journey) head(sentence string) {
	for _, line := range wrap(api.Plain(sentence), j.width) {
		j.b.WriteString(line + "\n")
	}
	j.b.WriteByte('\n')
	fact := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&j.b, "%-8s %s\n", name, value)
		}
	}
	fact("flow", api.Plain(j.ID))
	fact("status", j.paint(statusColour(j.Status), j.Status))
	for i, id := range j.TraceIDs {
		fact(branch(i == 0, "trace", ""), api.Plain(id))
	}
	if !j.StartedAt.IsZero() {
		fact("started", j.StartedAt.In(j.location).Format("2006-01-02 15:04:05.000 MST"))
	}
	j.b.WriteByte('\n')
}

// tree prints each event under its cause, and what is owed under what made it
// owed.
func (j *journey) tree() {
	known := make(map[int]bool, len(j.Events))
	for i := range j.Events {
		known[j.Events[i].Number] = true
	}
	for i := range j.Obligations {
		if o := &j.Obligations[i]; o.State == "open" {
			j.owed[o.Trigger] = append(j.owed[o.Trigger], o)
		}
	}
	var roots []*api.Event
	for i := range j.Events {
		e := &j.Events[i]
		if e.Cause == 0 || !known[e.Cause] || e.Cause == e.Number {
			roots = append(roots, e)
			continue
		}
		j.children[e.Cause] = append(j.children[e.Cause], e)
	}
	for _, e := range roots {
		j.event(e, nil)
	}
	// Causes that go round in a circle have no root.
	for i := range j.Events {
		if e := &j.Events[i]; !j.printed[e.Number] {
			j.event(e, nil)
		}
	}
	for _, o := range j.owed[0] {
		j.obligation(o, nil)
	}
}

// unversioned is the version of a Go program that was not built from a tag.
const unversioned = "(devel)"

// gutter is how wide the times at the left are.
const gutter = 10

// maxDepth is how deep the tree is drawn; what lies deeper stays at that depth.
const maxDepth = 12

// event prints an event and all below it. last tells, of each level above, whether
// nothing more comes at it.
func (j *journey) event(e *api.Event, last []bool) {
	if j.printed[e.Number] {
		return
	}
	j.printed[e.Number] = true
	owed := j.owed[e.Number]
	var below []*api.Event
	for _, c := range j.children[e.Number] {
		if !j.printed[c.Number] {
			below = append(below, c)
		}
	}
	text := e.Type + " by " + e.Source
	if e.Version != "" && e.Version != unversioned {
		text += " " + e.Version
	}
	if e.Attempt > 1 {
		text += fmt.Sprintf(", at attempt %d", e.Attempt)
	}
	j.line(j.offset(e), last, "● ", text, "", len(below)+len(owed) > 0)
	for _, d := range j.detailsOf(e) {
		j.line("", last, "", d.text, d.colour, len(below)+len(owed) > 0)
	}
	for i, c := range below {
		j.event(c, append(slices.Clone(last), i == len(below)-1 && len(owed) == 0))
	}
	for i, o := range owed {
		j.obligation(o, append(slices.Clone(last), i == len(owed)-1))
	}
}

// obligation prints what is owed.
func (j *journey) obligation(o *api.Obligation, last []bool) {
	mark, text, colour := "○ ", strings.Join(o.For, " | ")+", owed by "+o.Service, ""
	if o.Overdue {
		mark, text, colour = "✗ ", "MISSING: "+text, red
	}
	if o.Side {
		text += " (aside)"
	}
	j.line("", last, mark, text, colour, false)
	when := ""
	if !o.Since.IsZero() {
		when = "since " + j.clock(o.Since)
	}
	if !o.Deadline.IsZero() {
		when += ", due " + j.clock(o.Deadline)
	}
	if when != "" {
		j.line("", last, "", strings.TrimPrefix(when, ", "), dim, false)
	}
	if o.Cause != nil {
		j.line("", last, "", fmt.Sprintf("%s (%s): %s", o.Cause.Kind, o.Cause.Certainty, o.Cause.Evidence), colour, false)
	}
}

type note struct{ text, colour string }

// detailsOf says what else is known of an event.
func (j *journey) detailsOf(e *api.Event) (notes []note) {
	if e.EdgeMS != nil {
		notes = append(notes, note{where(e), dim})
	}
	for i := range j.Failures {
		f := &j.Failures[i]
		if f.EventID != e.ID {
			continue
		}
		notes = append(notes, note{failure(f), yellow})
	}
	for _, d := range j.Deviations {
		if d.Offset == e.Offset {
			notes = append(notes, note{strings.TrimSuffix("! "+d.Kind+": "+d.Detail, ": "), yellow})
		}
	}
	return notes
}

// where says where the time since the cause went.
func where(e *api.Event) string {
	text := spell(*e.EdgeMS) + ": "
	if e.HandMS == nil {
		text += spell(deref(e.QueueMS)) + " in queue and in hand"
	} else {
		text += spell(deref(e.QueueMS)) + " in queue, " + spell(*e.HandMS) + " in hand"
	}
	if deref(e.RelayMS) > 0 {
		text += ", " + spell(*e.RelayMS) + " relayed"
	}
	if e.Inferred {
		text += " (the cause is inferred)"
	}
	return text
}

func deref(ms *float64) float64 {
	if ms == nil {
		return 0
	}
	return *ms
}

func failure(f *api.Failure) string {
	switch f.Kind {
	case "retried":
		of := ""
		if f.Of > 0 {
			of = fmt.Sprintf(" of %d", f.Of)
		}
		return fmt.Sprintf("! %s failed, attempt %d%s came next: %s", f.Service, f.Attempt, of, f.Error)
	case "parked":
		return fmt.Sprintf("! %s gave up at attempt %d, and parked it: %s", f.Service, f.Attempt, f.Error)
	case "unrouted":
		return "! no queue took it"
	case "lost":
		return "! a copy for " + cmp.Or(f.Service, "some service") + " found no queue"
	default:
		return "! " + f.Kind
	}
}

// offset is how long after the start an event was published.
func (j *journey) offset(e *api.Event) string {
	if e.At.IsZero() || len(j.Events) == 0 || j.Events[0].At.IsZero() {
		return ""
	}
	ms := float64(e.At.Sub(j.Events[0].At)) / float64(time.Millisecond)
	if ms < 0 {
		return "-" + spell(-ms)
	}
	return "+" + spell(ms)
}

// line prints a text in its place in the tree, on as many lines as it takes. An
// empty mark is of a line that belongs to the one before.
func (j *journey) line(time string, last []bool, mark, text, colour string, more bool) {
	if len(last) > maxDepth {
		last = last[len(last)-maxDepth:]
	}
	var above strings.Builder
	for _, l := range last[:max(len(last)-1, 0)] {
		above.WriteString(branch(l, "  ", "│ "))
	}
	first, rest := above.String(), above.String()
	if len(last) > 0 {
		first += branch(last[len(last)-1], "└─", "├─")
		rest += branch(last[len(last)-1], "  ", "│ ")
	}
	rest += branch(more, "│ ", "  ")
	if mark == "" {
		first = rest
	} else {
		first += mark
	}
	room := j.width - gutter - utf8.RuneCountInString(rest) - 1
	for i, piece := range wrap(api.Plain(text), max(room, 16)) {
		prefix := rest
		if i == 0 {
			prefix = first
		} else {
			time = ""
		}
		fmt.Fprintf(&j.b, "%s %s%s\n", j.paint(dim, fmt.Sprintf("%*s", gutter-1, time)), prefix, j.paint(colour, piece))
	}
}

func branch(yes bool, this, that string) string {
	if yes {
		return this
	}
	return that
}

// foot says where the time went, and what belongs to no event.
func (j *journey) foot() {
	if c := j.CriticalPath; c != nil && len(c.Events) > 1 {
		var names []string
		for _, number := range c.Events {
			for i := range j.Events {
				if j.Events[i].Number == number {
					names = append(names, j.Events[i].Type)
				}
			}
		}
		text := fmt.Sprintf("Critical path, %s: %s.", spell(c.TotalMS), strings.Join(names, " → "))
		if c.HandMS != nil {
			text += fmt.Sprintf(" %s in queue, %s in hand, %s relayed.", spell(c.QueueMS), spell(*c.HandMS), spell(c.RelayMS))
		} else {
			text += fmt.Sprintf(" %s in queue and in hand, %s relayed.", spell(c.QueueMS), spell(c.RelayMS))
		}
		j.say(text)
	}
	for _, d := range j.Deviations {
		if !slices.ContainsFunc(j.Events, func(e api.Event) bool { return e.Offset == d.Offset }) {
			j.say(strings.TrimSuffix("! "+d.Kind+": "+d.Detail, ": "))
		}
	}
	for _, x := range j.Actions {
		text := x.Action + j.message(&x) + " at " + j.clock(x.At)
		if x.By != "" {
			text += " by " + x.By
		}
		if x.Reason != "" {
			text += ": " + x.Reason
		}
		j.say(text)
	}
}

// message names the message of an action, if it has one.
func (j *journey) message(x *api.Action) string {
	if x.EventID == "" {
		return ""
	}
	text := " " + x.EventID
	if i := slices.IndexFunc(j.Events, func(e api.Event) bool { return e.ID == x.EventID }); i >= 0 {
		text = " " + j.Events[i].Type
	}
	if x.Service != "" {
		text += branch(x.Action == "redriven", " to ", " of ") + x.Service
	}
	return text
}

func (j *journey) say(text string) {
	j.b.WriteByte('\n')
	for _, line := range wrap(api.Plain(text), j.width) {
		j.b.WriteString(line + "\n")
	}
}

// spell writes milliseconds as people read them.
func spell(ms float64) string {
	switch {
	case ms == 0:
		return "0 ms"
	case ms < 10:
		return fmt.Sprintf("%.1f ms", ms)
	case ms < 1000:
		return fmt.Sprintf("%.0f ms", ms)
	case ms < 120_000:
		return fmt.Sprintf("%.2f s", ms/1000)
	default:
		return (time.Duration(ms) * time.Millisecond).Round(time.Second).String()
	}
}
