package learn

import (
	"cmp"
	"slices"
)

// outcome is an event that may decide how a flow went.
type outcome struct {
	typ int
	// class is "completed", "failed" or "" for neither; guess is what it would be
	// without a person's word.
	class, guess string
	// alone is how many flows have no other such event.
	alone int
}

// ends returns the events after which nothing comes but compensations and side
// effects.
func (d *drafter) ends() []outcome {
	var found []outcome
	for i := range d.claims {
		c := &d.claims[i]
		if c.kind == undo || d.side(c) {
			continue
		}
		for _, t := range c.emits {
			if !slices.Contains(d.starts, t) && !d.leadsOn(t) {
				found = append(found, outcome{typ: t})
			}
		}
	}
	slices.SortFunc(found, func(a, b outcome) int {
		return cmp.Or(cmp.Compare(d.place[a.typ], d.place[b.typ]), cmp.Compare(a.typ, b.typ))
	})
	return slices.CompactFunc(found, func(a, b outcome) bool { return a.typ == b.typ })
}

// leadsOn tells whether a reaction goes on from an event.
func (d *drafter) leadsOn(typ int) bool {
	return slices.ContainsFunc(d.claims, func(c claim) bool {
		return c.kind != undo && !d.side(&c) && slices.Contains(c.on, typ)
	})
}

// outcomes returns what may decide a flow, with its class: what a person says,
// or a guess.
func (d *drafter) outcomes() []outcome {
	found := d.ends()
	deciding := make([]bool, len(found))
	for i := range found {
		deciding[i] = true
	}
	for {
		// What is never the only one decides nothing; the rarest such first.
		out := -1
		for i := range found {
			found[i].alone = d.alone(found, deciding, i)
			if deciding[i] && found[i].alone == 0 && (out < 0 || d.total[found[i].typ] < d.total[found[out].typ]) {
				out = i
			}
		}
		if out < 0 {
			break
		}
		deciding[out] = false
	}
	for i := range found {
		o := &found[i]
		switch {
		case !deciding[i]:
		case d.undone(o.typ), hasWord(d.types[o.typ], failureWords()):
			o.guess = "failed"
		default:
			o.guess = "completed"
		}
	}
	d.applyOutcomes(&found)
	return found
}

// applyOutcomes takes a person's word over the guess.
func (d *drafter) applyOutcomes(found *[]outcome) {
	told := d.answers.decided()
	for i := range *found {
		o := &(*found)[i]
		if o.class = o.guess; told {
			o.class = ""
		}
	}
	for class, words := range map[string][]string{"completed": d.answers.Completed, "failed": d.answers.Failed} {
		for _, w := range words {
			typ := d.log.types.at[w]
			i := slices.IndexFunc(*found, func(o outcome) bool { return o.typ == typ })
			if i < 0 {
				i = len(*found)
				*found = append(*found, outcome{typ: typ})
			}
			(*found)[i].class = class
		}
	}
	slices.SortStableFunc(*found, func(a, b outcome) int { return cmp.Compare(d.place[a.typ], d.place[b.typ]) })
}

// alone is how many flows have this one and no other that decides.
func (d *drafter) alone(found []outcome, deciding []bool, which int) (flows int) {
	for _, h := range d.histories.with[found[which].typ] {
		others := false
		for k := range found {
			others = others || k != which && deciding[k] && d.has(h, found[k].typ)
		}
		if !others {
			flows += d.histories.flows[h]
		}
	}
	return flows
}

// undone tells whether something is undone because of an event.
func (d *drafter) undone(typ int) bool {
	return slices.ContainsFunc(d.claims, func(c claim) bool { return c.kind == undo && slices.Contains(c.on, typ) })
}
