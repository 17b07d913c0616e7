package learn

import "slices"

// conditionsFor is for how many sets of triggers a condition is looked for.
const conditionsFor = 8

// plain looks for triggers each of which is answered once.
func (x *explainer) plain(emits, candidates []int, by evidence) (claim, bool) {
	proto := newClaim(x.service, anyOf, emits, nil)
	slack := 2.0
	if x.inferred {
		slack += 0.25 * float64(x.given(&proto)) // conditions may explain so much
	}
	sets := bestSets(candidates, len(x.usual()), slack, rivalsKept, func(on []int) float64 {
		c := proto
		c.on = on
		t := x.fitIn(&c, x.usual())
		cost := float64(t.missing + t.surplus)
		if !x.inferred {
			for trigger, n := range by {
				if !slices.Contains(on, trigger) {
					cost += float64(n)
				}
			}
		}
		return cost
	})
	claims := make([]claim, 0, len(sets))
	for i, s := range sets {
		c := newClaim(x.service, anyOf, emits, s.on)
		x.weigh(&c, by)
		if i < conditionsFor {
			c = x.conditioned(c, by)
		}
		claims = append(claims, c)
	}
	return x.choose(claims)
}
