package learn

import "slices"

// plain looks for triggers each of which is answered once.
func (x *explainer) plain(emits, candidates []int, by evidence) (claim, bool) {
	proto := newClaim(x.service, anyOf, emits, nil)
	slack := 0.0
	if x.inferred {
		slack = 2 + 0.25*float64(x.given(&proto)) // conditions may explain so much
	} else {
		slack = 2
	}
	sets := bestSets(candidates, slack, rivalsKept, func(on []int) float64 {
		c := proto
		c.on = on
		t := x.fit(&c)
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
	for _, s := range sets {
		c := newClaim(x.service, anyOf, emits, s.on)
		x.weigh(&c, by)
		claims = append(claims, x.conditioned(c, by))
	}
	return x.choose(claims)
}
