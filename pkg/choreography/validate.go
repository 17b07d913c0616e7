package choreography

import (
	"fmt"
	"slices"
)

// validate notes what is readable and can't be meant. Of reactions that could
// not be read it says nothing more.
func (d *decoder) validate(doc *document, c *Choreography) {
	for _, w := range doc.Outcomes.Failed {
		if slices.Contains(c.Outcomes.Completed, w.text) {
			d.failAt(CodeContradiction, w.pos, quote(w.text)+" is both a completed and a failed outcome", "an outcome has one class: take it out of one of the lists")
		}
	}
	if len(doc.Reactions) == 0 && d.total == 0 {
		d.failAt(CodeMissingField, doc.Choreography.pos, "the choreography has no reactions", "add who reacts to what: reactions: [{service: …, on: […], emits: […], within: …}]")
	}
	types := map[string]bool{}
	steps := map[string]Position{}
	for i := range doc.Reactions {
		f, r := &doc.Reactions[i], c.Reactions[i]
		if !f.broken {
			d.validateReaction(f, r)
		}
		if first, twice := steps[r.Name]; r.Name != "" && twice {
			d.failAt(CodeDuplicate, f.Name.pos, "two reactions have the name "+quote(r.Name), fmt.Sprintf("it is in line %d already; alerts could not tell them apart", first.Line))
		}
		steps[r.Name] = f.Name.pos
		for _, list := range [][]string{r.On.Types(), r.Emits, r.If, r.Unless} {
			for _, t := range list {
				types[t] = true
			}
		}
	}
	if len(types) > MaxEventTypes {
		d.failAt(CodeLimit, doc.Choreography.pos, countOf(len(types), "event type")+", at most "+countOf(MaxEventTypes, "event type")+" are allowed", "split the file into several choreographies")
	}
}

func (d *decoder) validateReaction(f *reactionForm, r Reaction) {
	contradiction := func(pos Position, message, hint string) {
		if pos.Line == 0 {
			pos = f.pos
		}
		d.failAt(CodeContradiction, pos, message, hint)
	}
	listens, emits := len(r.On.Types()) > 0, len(r.Emits) > 0
	switch {
	case !listens && !emits:
		contradiction(f.pos, "the reaction neither waits for anything nor emits anything", "add on, emits, or both")
		return
	case !r.Owes():
		d.withoutEffect(f, contradiction)
		return
	case r.Within == 0:
		d.failAt(CodeNoDeadline, f.pos, "the reaction owes an answer and has no deadline", "add within: and the longest time after which somebody should look, such as within: 30s")
	}
	triggered := func(t string) bool { return !slices.Contains(r.Unless, t) } // and not void by that
	for _, w := range f.Unless {
		switch {
		case slices.Contains(r.If, w.text):
			contradiction(w.pos, quote(w.text)+" is in both if and unless", "a flow that has it would never owe the reaction: take it out of one of them")
		case slices.Contains(r.On.All, w.text), slices.Contains(r.On.Any, w.text) && !slices.ContainsFunc(r.On.Any, triggered):
			contradiction(w.pos, quote(w.text)+" is both what the reaction waits for and what voids it", "the reaction would never be owed: take it out of unless")
		case w.text == r.Undoes:
			contradiction(w.pos, quote(w.text)+" is both what the reaction undoes and what voids it", "the reaction would never be owed: take it out of unless")
		}
	}
	if r.Undoes == "" {
		return
	}
	switch {
	case len(r.On.All) > 0:
		contradiction(f.On.pos, "a reaction that undoes something can't wait for all of some events", "it is owed once for each "+quote(r.Undoes)+", whichever trigger comes: name any of them as on: [ … ]")
	case slices.Contains(r.On.Any, r.Undoes):
		contradiction(f.Undoes.pos, quote(r.Undoes)+" is both what the reaction undoes and what it waits for", "name in on what makes it necessary to undo it")
	case slices.Contains(r.Emits, r.Undoes):
		contradiction(f.Undoes.pos, quote(r.Undoes)+" is both what the reaction undoes and what it emits", "emit an event that says that it was undone")
	}
}

// withoutEffect notes fields that mean something only where an answer is owed.
func (*decoder) withoutEffect(f *reactionForm, contradiction func(Position, string, string)) {
	why := "the reaction only listens, and owes nothing"
	if len(f.Emits) > 0 {
		why = "the reaction emits unprompted, and owes nothing"
	}
	for _, field := range []struct {
		name string
		set  bool
		pos  Position
	}{
		{"if", len(f.If) > 0, first(f.If)},
		{"unless", len(f.Unless) > 0, first(f.Unless)},
		{"undoes", f.Undoes.text != "", f.Undoes.pos},
		{"within", f.Within.d > 0, f.Within.pos},
		{"optional", bool(f.Optional), f.pos},
		{"side", bool(f.Side) && len(f.Emits) == 0, f.pos},
	} {
		if field.set {
			contradiction(field.pos, fmt.Sprintf("%q has no effect: %s", field.name, why), "take it out, or give the reaction both on and emits")
		}
	}
}

func first(list words) Position {
	if len(list) == 0 {
		return Position{}
	}
	return list[0].pos
}
