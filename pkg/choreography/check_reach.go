package choreography

import "slices"

// reach reports reactions that can never be owed, and listeners that never
// hear anything, although each event they wait for has an emitter.
func (k *checker) reach(x *index) {
	comes := make(map[string]bool, len(x.events))
	for _, t := range x.events {
		comes[t] = x.given(t)
	}
	reached := make([]bool, len(x.c.Reactions))
	for again := true; again; {
		again = false
		for i := range x.c.Reactions {
			r := &x.c.Reactions[i]
			if reached[i] || len(r.On.Types()) > 0 && !possible(r, comes) {
				continue
			}
			reached[i], again = true, true
			for _, t := range r.Emits {
				comes[t] = true
			}
		}
	}
	for i, r := range x.c.Reactions {
		if reached[i] {
			continue
		}
		missing := x.neverComes(&r, comes)
		k.report(x.c, finding{
			code: CodeUnreachableReaction, severity: SeverityWarning, pos: r.Pos, event: missing,
			message: "the reaction can never happen: nothing that starts a flow leads to " + quote(missing),
			hint:    "follow the events from the start: somewhere before this, a reaction is missing",
		})
	}
}

// possible tells whether a reaction can be owed where these events come.
func possible(r *Reaction, comes map[string]bool) bool {
	is := func(t string) bool { return comes[t] }
	switch {
	case len(r.On.Any) > 0 && !slices.ContainsFunc(r.On.Any, is):
		return false
	case slices.ContainsFunc(r.On.All, func(t string) bool { return !comes[t] }):
		return false
	case len(r.If) > 0 && !slices.ContainsFunc(r.If, is):
		return false
	default:
		return r.Undoes == "" || comes[r.Undoes]
	}
}

// neverComes returns an event for want of which a reaction can't be owed.
func (*index) neverComes(r *Reaction, comes map[string]bool) string {
	for _, list := range [][]string{r.On.All, r.On.Any, {r.Undoes}, r.If} {
		for _, t := range list {
			if t != "" && !comes[t] {
				return t
			}
		}
	}
	return ""
}
