package choreography

import (
	"fmt"
	"slices"
	"strings"
)

// drawing is what a choreography looks like, in any format.
type drawing struct {
	title, about string
	nodes        []drawnNode
	edges        []drawnEdge
}

// look is how a node or an edge is drawn.
type look int

const (
	lookPlain look = iota
	lookStart
	lookCompleted
	lookFailed
	lookUndo // compensations
	lookSide // what the flow's status does not depend on
)

// String returns the look's name, as classes in a drawing have it.
func (l look) String() string {
	return [...]string{"plain", "start", "completed", "failed", "undo", "side"}[l]
}

type drawnNode struct {
	event bool // or a reaction
	look  look
	title string
	lines []string // beneath the title
	note  string   // who else hears an event
	about string   // its description

	reaction       int      // its place in the contract, where it is no event
	live           []string // how it fares
	address, class string
}

type drawnEdge struct {
	from, to int // nodes
	look     look
}

// manyTriggers is from how many triggers on a side reaction is named at each
// event, so that its edges don't cover everything else.
const manyTriggers = 4

func draw(c *Choreography) *drawing {
	x := newIndex(c)
	d := &drawing{title: "The choreography " + c.Name, about: c.Description}
	at := make(map[string]int, len(x.events))
	for _, t := range x.events {
		at[t] = len(d.nodes)
		d.nodes = append(d.nodes, drawEvent(x, t))
	}
	for i := range c.Reactions {
		r := &c.Reactions[i]
		if len(r.Emits) == 0 {
			continue
		}
		n := len(d.nodes)
		d.nodes = append(d.nodes, drawReaction(r))
		d.nodes[n].reaction = i
		edge := drawnEdge{look: d.nodes[n].look}
		if !aside(r) {
			for _, t := range r.On.Types() {
				edge.from, edge.to = at[t], n
				d.edges = append(d.edges, edge)
			}
		}
		for _, t := range r.Emits {
			edge.from, edge.to = n, at[t]
			d.edges = append(d.edges, edge)
		}
	}
	return d
}

// aside tells whether a reaction is named at its triggers instead of being
// joined to them.
func aside(r *Reaction) bool {
	return len(r.Emits) == 0 || r.Side && len(r.On.Types()) >= manyTriggers
}

func drawEvent(x *index, t string) drawnNode {
	n := drawnNode{event: true, title: t, about: x.c.Events[t]}
	switch {
	case slices.Contains(x.c.Starts, t):
		n.look, n.lines = lookStart, []string{"start"}
	case x.c.Outcomes.Of(t) == Completed:
		n.look, n.lines = lookCompleted, []string{"outcome: completed"}
	case x.c.Outcomes.Of(t) == Failed:
		n.look, n.lines = lookFailed, []string{"outcome: failed"}
	case len(x.emitters[t]) > 0 && !slices.ContainsFunc(x.emitters[t], func(i int) bool { return !x.c.Reactions[i].Side }):
		n.look = lookSide
	}
	var heard []string
	for _, i := range x.reactors[t] {
		r := &x.c.Reactions[i]
		if !aside(r) {
			continue
		}
		for _, s := range r.Services {
			if !slices.Contains(heard, s) {
				heard = append(heard, s)
			}
		}
	}
	if len(heard) > 0 {
		n.note = "heard by " + strings.Join(heard, ", ")
	}
	return n
}

func drawReaction(r *Reaction) drawnNode {
	n := drawnNode{title: strings.Join(r.Services, ", "), about: r.Description}
	switch {
	case r.Undoes != "":
		n.look = lookUndo
	case r.Side:
		n.look = lookSide
	}
	add := func(set bool, format string, args ...any) {
		if set {
			n.lines = append(n.lines, fmt.Sprintf(format, args...))
		}
	}
	add(r.Name != "", "%s", r.Name)
	add(len(r.On.Types()) == 0, "unprompted")
	add(aside(r), "on any of %d events", len(r.On.Types()))
	add(len(r.On.All) > 1, "once all are there")
	add(r.Undoes != "", "undoes %s", r.Undoes)
	add(len(r.If) > 0, "if %s", strings.Join(r.If, " or "))
	add(len(r.Unless) > 0, "unless %s", strings.Join(r.Unless, " or "))
	add(r.Optional, "optional")
	add(r.Side, "on the side")
	if r.Within > 0 {
		add(true, "within %s", formatDuration(r.Within))
	}
	return n
}

// labels returns all that a node says, line by line.
func (n *drawnNode) labels() []string {
	lines := append([]string{n.title}, n.lines...)
	lines = append(lines, n.live...)
	if n.note != "" {
		lines = append(lines, n.note)
	}
	return lines
}
