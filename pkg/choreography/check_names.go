package choreography

import (
	"maps"
	"slices"
)

// use is a place where a contract relies on an event being emitted.
type use struct {
	field    string
	reaction int
	event    string
}

func (x *index) uses() (uses []use) {
	add := func(field string, reaction int, types ...string) {
		for _, t := range types {
			uses = append(uses, use{field, reaction, t})
		}
	}
	add("starts", -1, x.c.Starts...)
	for i, r := range x.c.Reactions {
		add("on", i, r.On.Types()...)
		add("if", i, r.If...)
		add("unless", i, r.Unless...)
		if r.Undoes != "" {
			add("undoes", i, r.Undoes)
		}
	}
	add("completed", -1, x.c.Outcomes.Completed...)
	add("failed", -1, x.c.Outcomes.Failed...)
	return uses
}

// names reports events that nobody emits and events that nobody uses. It
// returns the choreography as it would be with near misses put right, so that
// one slip is not reported as everything that follows from it.
func (k *checker) names(x *index) *index {
	used := map[string]bool{}
	for _, u := range x.uses() {
		if u.field != "starts" {
			used[u.event] = true
		}
	}
	var unheard, emitted []string // near misses are sought among the unheard first
	for _, t := range x.events {
		if len(x.emitters[t]) == 0 {
			continue
		}
		emitted = append(emitted, t)
		if !used[t] && x.c.Outcomes.Of(t) == None {
			unheard = append(unheard, t)
		}
	}
	slips := map[string]string{}
	elsewhere := k.elsewhere(x.c)
	where := []*spellings{newSpellings(unheard), newSpellings(emitted), newSpellings(slices.Sorted(maps.Keys(elsewhere.emitted)))}
	meant := map[string]string{} // also what nothing is near to
	for _, u := range x.uses() {
		if len(x.emitters[u.event]) > 0 || elsewhere.emitted[u.event] {
			continue
		}
		if u.field != "starts" && slices.Contains(x.c.Starts, u.event) {
			continue // told where it starts flows
		}
		near, known := meant[u.event]
		if !known {
			near = nearIn(u.event, where)
			meant[u.event] = near
		}
		if near != "" {
			slips[u.event] = near
		}
		k.notEmitted(x.c, u, near)
	}
	k.nobodyReacts(x, used, slips, elsewhere)
	k.descriptions(x)
	return newIndex(repaired(x.c, slips))
}

// nearIn returns what is near to an event, or "": another spelling of it
// wherever that is, before a slip.
func nearIn(event string, where []*spellings) string {
	for _, s := range where {
		if near, ok := s.same(event); ok {
			return near
		}
	}
	for _, s := range where {
		if near, ok := s.slip(event); ok {
			return near
		}
	}
	return ""
}

// elsewhere is what other choreographies do with events.
type elsewhere struct{ emitted, used map[string]bool }

func (k *checker) elsewhere(c *Choreography) elsewhere {
	e := elsewhere{map[string]bool{}, map[string]bool{}}
	add := func(to map[string]bool, types []string) {
		for _, t := range types {
			to[t] = true
		}
	}
	for _, other := range k.cs {
		if other == c {
			continue
		}
		add(e.used, other.Starts)
		for _, r := range other.Reactions {
			add(e.emitted, r.Emits)
			add(e.used, r.On.Types())
		}
	}
	return e
}

func (k *checker) notEmitted(c *Choreography, u use, near string) {
	f := finding{
		code: CodeNotEmitted, severity: SeverityError, pos: c.find(u.field, u.reaction, u.event), event: u.event,
		message: "nobody emits " + quote(u.event), hint: "add the reaction that emits it, or take it out",
	}
	switch {
	case near != "":
		f.message += " — did you mean " + quote(near) + "?"
		f.hint = "names of events must be the same to the letter: what is emitted as " + near + " reaches nobody who waits for " + u.event
	case u.field == "starts":
		f.code, f.severity = CodeStartNotEmitted, SeverityWarning
		f.hint = "if it comes from outside, say so: {service: …, emits: [" + u.event + "]}, without on"
	}
	k.report(c, f)
}

func (k *checker) nobodyReacts(x *index, used map[string]bool, slips map[string]string, elsewhere elsewhere) {
	misses := map[string]bool{}
	for _, near := range slips {
		misses[near] = true
	}
	for _, t := range x.events {
		at := x.emitters[t]
		if len(at) == 0 || used[t] || x.c.Outcomes.Of(t) != None || elsewhere.used[t] || misses[t] {
			continue // misses are told as such
		}
		last := func(i int) bool {
			r := &x.c.Reactions[i]
			return r.Side || r.Optional || r.Undoes != ""
		}
		if !slices.ContainsFunc(at, func(i int) bool { return !last(i) }) {
			continue // an end in itself
		}
		k.report(x.c, finding{
			code: CodeNobodyReacts, severity: SeverityWarning, pos: x.c.find("emits", at[0], t), event: t,
			message: "nobody reacts to " + quote(t),
			hint:    "add who listens to it, make it an outcome, or mark the reaction side: true",
		})
	}
}

// descriptions reports descriptions of events that are not there.
func (k *checker) descriptions(x *index) {
	known := newSpellings(x.events)
	for t := range x.c.Events {
		if _, known := x.number[t]; known {
			continue
		}
		f := finding{
			code: CodeUnknownEvent, severity: SeverityWarning, pos: x.c.find("events", -1, t), event: t,
			message: quote(t) + " is described, and no reaction knows it", hint: "take the description out, or add the reaction",
		}
		if near, ok := known.near(t); ok {
			f.message += " — did you mean " + quote(near) + "?"
		}
		k.report(x.c, f)
	}
}

// repaired returns c with events renamed.
func repaired(c *Choreography, slips map[string]string) *Choreography {
	if len(slips) == 0 {
		return c
	}
	rename := func(types []string) (list []string) {
		for _, t := range types {
			if near, ok := slips[t]; ok {
				t = near
			}
			if !slices.Contains(list, t) {
				list = append(list, t)
			}
		}
		return list
	}
	fixed := *c
	fixed.Starts = rename(c.Starts)
	fixed.Outcomes = Outcomes{rename(c.Outcomes.Completed), rename(c.Outcomes.Failed)}
	fixed.Reactions = slices.Clone(c.Reactions)
	for i := range fixed.Reactions {
		r := &fixed.Reactions[i]
		r.On = Trigger{rename(r.On.Any), rename(r.On.All)}
		r.If, r.Unless = rename(r.If), rename(r.Unless)
		if near, ok := slips[r.Undoes]; ok {
			r.Undoes = near
		}
	}
	return &fixed
}
