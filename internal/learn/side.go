package learn

import "slices"

// side tells whether a reaction is a side effect: a person says so, or nothing
// follows from it and it answers most of what happens.
func (d *drafter) side(c *claim) bool {
	if c.kind == unprompted {
		return false
	}
	if d.answers.Side != nil {
		return d.says(d.answers.Side, c)
	}
	return d.toMost(c) && d.leaf(c)
}

// leaf tells whether nothing follows from a claim's answers.
func (d *drafter) leaf(c *claim) bool {
	for i := range d.claims {
		o := &d.claims[i]
		for _, t := range c.emits {
			if slices.Contains(o.on, t) || o.undoes == t || o.unless == t || o.ifs == t {
				return false
			}
		}
	}
	return true
}

// optional tells whether a reaction is one that need not come: a person says so,
// or most of the time it does not.
func (d *drafter) optional(c *claim) bool {
	if c.kind == unprompted {
		return false
	}
	if d.answers.Optional != nil {
		return d.says(d.answers.Optional, c)
	}
	return c.tally.met*2 < c.tally.expected
}

// says tells whether a person named one of a claim's answers.
func (d *drafter) says(words []string, c *claim) bool {
	return slices.ContainsFunc(c.emits, func(t int) bool { return slices.Contains(words, d.types[t]) })
}
