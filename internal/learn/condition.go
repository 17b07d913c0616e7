package learn

import (
	"cmp"
	"slices"
)

// What a condition has to explain to be believed.
const (
	// fewest is how many answers must be missing for a reason to be looked for,
	// and how many must be there where the reason is not.
	fewest = 3
	// explains is the share of those that must be in flows with the condition.
	explains = 0.9
	// holds is the share of what is owed there that must be missing.
	holds = 0.8
)

// conditioned returns the claim with the condition that explains why answers
// are missing, or as it is where none does.
func (x *explainer) conditioned(c claim, by evidence) claim {
	if c.tally.missing < fewest {
		return c
	}
	type option struct {
		unless bool
		typ    int
		grade  int // per cent of both shares together
	}
	var options []option
	usual := x.usual()
	owedInAll, missingInAll := 0, 0
	owed, missingOf := make([]int, len(x.types)), make([]int, len(x.types)) // where there is a type
	for k, n := range x.owedIn(&c, len(usual)) {
		h := usual[k]
		here, gone := x.histories.flows[h]*int(n), x.histories.flows[h]*max(int(n)-x.there[k], 0)
		owedInAll += here
		missingInAll += gone
		for _, typ := range x.histories.kinds[h] {
			owed[typ] += here
			missingOf[typ] += gone
		}
	}
	for typ := range x.types {
		if x.total[typ] == 0 || slices.Contains(c.on, typ) || slices.Contains(c.emits, typ) {
			continue
		}
		owedWith, missingWith := owed[typ], missingOf[typ]
		owedWithout, missingWithout := owedInAll-owedWith, missingInAll-missingWith
		all := float64(missingInAll)
		if recall, precision := share(missingWith, all), share(missingWith, float64(owedWith)); recall >= explains && precision >= holds && owedWithout-missingWithout >= fewest {
			options = append(options, option{true, typ, int(100 * (recall + precision))})
		}
		if recall, precision := share(missingWithout, all), share(missingWithout, float64(owedWithout)); recall >= explains && precision >= explains && owedWith-missingWith >= fewest && x.comesBefore(typ, &c) {
			options = append(options, option{false, typ, int(100 * (recall + precision))})
		}
	}
	if len(options) == 0 {
		return c
	}
	slices.SortFunc(options, func(a, b option) int {
		own := func(o option) int {
			_, is := x.pairAt[pair{c.service, o.typ}]
			return truth(!is)
		}
		return cmp.Or(cmp.Compare(b.grade, a.grade), cmp.Compare(truth(!a.unless), truth(!b.unless)), cmp.Compare(own(a), own(b)),
			cmp.Compare(x.place[a.typ], x.place[b.typ]), cmp.Compare(a.typ, b.typ))
	})
	with := c
	if options[0].unless {
		with.unless = options[0].typ
	} else {
		with.ifs = options[0].typ
	}
	x.weigh(&with, by)
	if with.cost < c.cost {
		return with
	}
	return c
}

// comesBefore tells whether an event is there before the answers nearly always.
func (x *explainer) comesBefore(typ int, c *claim) bool {
	both, before := 0, 0
	for _, f := range x.answering(c.service, c.emits, len(x.flows)) {
		answer := slices.IndexFunc(f.events, func(e step) bool { return c.answeredBy(&e) })
		it := slices.IndexFunc(f.events, func(e step) bool { return int(e.typ) == typ })
		if answer >= 0 && it >= 0 {
			both++
			before += truth(it < answer)
		}
	}
	return both > 0 && float64(before) >= 0.95*float64(both)
}

func share(part int, of float64) float64 {
	if of == 0 {
		return 0
	}
	return float64(part) / of
}

func truth(b bool) int {
	if b {
		return 1
	}
	return 0
}
