package choreography

import (
	"fmt"
	"slices"
	"strings"
)

// histories reports dead ends and steps that stay done in flows that failed.
func (k *checker) histories(x *index) {
	if len(x.c.Outcomes.Completed)+len(x.c.Outcomes.Failed) == 0 {
		return // every end is a dead one, which is told already
	}
	e := newExplorer(x, nil)
	deadEnds := 0
	e.ends = func(m moment) {
		switch classes(x, m) {
		case [2]bool{false, false}:
			deadEnds++
			k.deadEnd(x, e, m)
		case [2]bool{false, true}:
			k.undone(x, e, m)
		}
	}
	for _, s := range x.c.Starts {
		e.from(s)
	}
	// What comes unprompted can be the missing piece, or need undoing, too; it is
	// not to blame for a dead end where nobody asked for it.
	dead := deadEnds > 0
	e.ends = func(m moment) {
		switch classes(x, m) {
		case [2]bool{false, false}:
			if !dead {
				k.deadEnd(x, e, m)
			}
		case [2]bool{false, true}:
			k.undone(x, e, m)
		}
	}
	unprompted := slices.DeleteFunc(slices.Clone(x.events), func(t string) bool { return slices.Contains(x.c.Starts, t) || !x.given(t) })
	for _, s := range x.c.Starts {
		for _, u := range unprompted {
			e.from(s, u)
		}
		e.from(append([]string{s}, unprompted...)...)
	}
	if e.full {
		k.report(x.c, finding{
			code: CodeTooManyHistories, severity: SeverityWarning, pos: x.c.find("choreography", -1, ""),
			message: fmt.Sprintf("flows can go more than %d ways, and not all of them were looked at for dead ends and for steps that stay done", maxHistories),
			hint:    "what was found is right; split the choreography to have all of it checked",
		})
	}
}

// classes tells whether a history has a completed and a failed outcome.
func classes(x *index, m moment) (has [2]bool) {
	has[0] = slices.ContainsFunc(x.c.Outcomes.Completed, func(t string) bool { return m.there.has(x.number[t]) })
	has[1] = slices.ContainsFunc(x.c.Outcomes.Failed, func(t string) bool { return m.there.has(x.number[t]) })
	return has
}

// deadEnd reports the events after which nobody owes a flow anything.
func (k *checker) deadEnd(x *index, e *explorer, m moment) {
	for n, t := range x.events {
		if !m.there.has(n) || x.leads(t, e, m) {
			continue
		}
		if x.given(t) && !slices.Contains(x.c.Starts, t) {
			continue // a bystander
		}
		if at := x.emitters[t]; len(at) > 0 && !slices.ContainsFunc(at, func(i int) bool { return x.c.Reactions[i].Undoes == "" }) {
			continue // what was undone is not where the flow stopped
		}
		pos := x.c.find("starts", -1, t)
		if at := x.emitters[t]; len(at) > 0 {
			pos = x.c.find("emits", at[0], t)
		}
		k.drop(x.c, CodeNobodyReacts, t)
		k.report(x.c, finding{
			code: CodeDeadEnd, severity: SeverityError, pos: pos, event: t,
			message: quote(t) + " leads nowhere: a flow that comes to it has no outcome, and nobody owes it anything more",
			hint:    "make it an outcome, or add the reaction that goes on from it",
		})
	}
}

// leads tells whether an event made somebody go on from it in this history.
func (x *index) leads(t string, e *explorer, m moment) bool {
	for n, d := range e.duties {
		r := &x.c.Reactions[d.reaction]
		if m.met.has(n) && !m.void.has(n) && r.Undoes == "" && !r.Optional && slices.Contains(r.On.Types(), t) {
			return true
		}
	}
	return false
}

// drop takes back what another finding says better.
func (k *checker) drop(c *Choreography, code Code, event string) {
	k.problems = slices.DeleteFunc(k.problems, func(p Problem) bool {
		return p.Code == code && p.Event == event && p.Choreography == c.Name
	})
}

// undone reports what stays done in a flow that failed.
func (k *checker) undone(x *index, e *explorer, m moment) {
	var failures []string
	for _, t := range x.c.Outcomes.Failed {
		if m.there.has(x.number[t]) {
			failures = append(failures, t)
		}
	}
	for n, t := range x.events {
		if !m.there.has(n) || x.c.Outcomes.Of(t) != None {
			continue
		}
		undoers := x.undoers(t)
		switch {
		case len(undoers) == 0:
			k.nothingUndoes(x, e, t, failures)
		case !slices.ContainsFunc(undoers, func(i int) bool { return e.met(m, i) }):
			r := x.c.Reactions[undoers[0]]
			k.report(x.c, finding{
				code: CodeNotUndone, severity: SeverityError, pos: x.c.find("on", undoers[0], r.On.Types()[0]),
				service: strings.Join(r.Services, ", "), event: t,
				message: fmt.Sprintf("a flow that fails by %s keeps %s: what undoes it does not wait for %s", quote(failures[0]), quote(t), failures[0]),
				hint:    fmt.Sprintf("add %s to on of the reaction that undoes %s", failures[0], t),
			})
		}
	}
}

// undoers returns the reactions that undo an event.
func (x *index) undoers(t string) (at []int) {
	for i, r := range x.c.Reactions {
		if r.Undoes == t && r.Owes() {
			at = append(at, i)
		}
	}
	return at
}

// met tells whether a reaction was owed in this history.
func (e *explorer) met(m moment, reaction int) bool {
	if r := &e.x.c.Reactions[reaction]; r.Side { // no history waits for it
		return slices.ContainsFunc(r.On.Any, func(t string) bool { return m.there.has(e.x.number[t]) })
	}
	for n, d := range e.duties {
		if d.reaction == reaction && m.met.has(n) {
			return true
		}
	}
	return false
}

// nothingUndoes reports a step that no reaction undoes. A step is an answer that
// moved the flow on; one that nothing follows from has nothing to undo.
func (k *checker) nothingUndoes(x *index, e *explorer, t string, failures []string) {
	step := func(i int) bool {
		r := &x.c.Reactions[i]
		return moves(r) && r.Undoes == ""
	}
	if x.given(t) || !slices.ContainsFunc(x.emitters[t], step) || !slices.ContainsFunc(x.reactors[t], step) {
		return
	}
	for _, i := range x.emitters[t] {
		for _, trigger := range x.c.Reactions[i].On.Types() {
			if e.goesRound(x.number[trigger], x.number[t]) {
				return // a round of a loop
			}
		}
	}
	for _, p := range k.problems {
		if p.Code == CodeNothingUndoes && p.Event == t && p.Choreography == x.c.Name {
			return // told with another failure
		}
	}
	k.report(x.c, finding{
		code: CodeNothingUndoes, severity: SeverityWarning, pos: x.c.find("emits", x.emitters[t][0], t), event: t,
		message: fmt.Sprintf("a flow that fails by %s keeps %s, which no reaction undoes", quote(failures[0]), quote(t)),
		hint:    fmt.Sprintf("if something is to be taken back, add the reaction: {service: …, on: [%s], undoes: %s, emits: […], within: …}", failures[0], t),
	})
}
