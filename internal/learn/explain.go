package learn

import (
	"cmp"
	"slices"
)

// explainer looks for how the answers of one service come about.
type explainer struct {
	*model
	service  int
	inferred bool
	// sides are types that cause nothing, and undos those that make nobody undo
	// anything, as far as other causes can be found.
	sides, undos []int
	// undoes says what a person says: what an event undoes, or -1 for nothing.
	undoes map[int]int
	cache  map[string]claim
	// there is how many of the answers that are explained each of the histories
	// has that are looked at, in their order.
	there []int
	seen  *sighting // of the answers that were looked at last
	// columns are how often each type is in them, where that was asked, and sums
	// is for adding them up.
	columns [][]uint16
	sums    []uint16
	// tell is told what part of the work is done; an error of it stops the work.
	tell    func(part float64) error
	stopped error
	// searches is how many there were, and most about how many there will be.
	searches, most int
}

// What makes one claim better than another, beside the events that it explains.
// A more complicated one has to explain something.
const (
	priceUndo      = 0.5
	priceJoin      = 0.5
	priceCondition = 1.0
	// hopeless is the share of answers that a claim may leave unexplained.
	hopeless = 0.5
	// rivalsKept is how many sets of triggers are weighed closely.
	rivalsKept = 30
)

// explain returns the claims that explain all that a service emits. It begins
// with each type on its own, and takes those together as alternatives that
// explain more so.
func (x *explainer) explain() []claim {
	x.cache = map[string]claim{}
	var groups [][]int
	for _, p := range x.pairs {
		if p.service == x.service {
			groups = append(groups, []int{p.typ})
		}
	}
	slices.SortFunc(groups, func(a, b []int) int { return cmp.Compare(a[0], b[0]) })
	x.most = max(len(groups)*(len(groups)+1)/2, 1)
	gains := make([][]float64, len(groups)) // of each two, by the lesser
	for i := range groups {
		gains[i] = make([]float64, len(groups))
		for k := i + 1; k < len(groups); k++ {
			gains[i][k] = x.gain(groups[i], groups[k])
		}
	}
	for {
		gain, left, right := 0.0, 0, 0
		for i := range groups {
			for k := i + 1; k < len(groups); k++ {
				if gains[i][k] > gain {
					gain, left, right = gains[i][k], i, k
				}
			}
		}
		if gain == 0 {
			break
		}
		groups[left] = together(groups[left], groups[right])
		groups, gains = slices.Delete(groups, right, right+1), slices.Delete(gains, right, right+1)
		for i := range gains {
			gains[i] = slices.Delete(gains[i], right, right+1)
		}
		for i := range groups {
			if i != left {
				gains[min(i, left)][max(i, left)] = x.gain(groups[min(i, left)], groups[max(i, left)])
			}
		}
	}
	claims := make([]claim, len(groups))
	for i, g := range groups {
		claims[i] = x.best(g)
	}
	return claims
}

// gain is how many events more are explained if two groups of answers are
// alternatives to each other, rather than each on its own: with conditions, or
// without, since that the one comes unless the other does is what alternatives
// are.
func (x *explainer) gain(a, b []int) float64 {
	least := 2.0
	if !x.inferred {
		if least = 1; !x.sameCause(a, b) {
			return 0
		}
	}
	one, other := x.best(a), x.best(b)
	if one.bare+other.bare < least && one.cost+other.cost < least {
		return 0 // there is nothing to gain
	}
	both := x.best(together(a, b))
	if g := max(one.bare+other.bare-both.bare, one.cost+other.cost-both.cost); g >= least {
		return g
	}
	return 0
}

// sameCause tells whether something causes now the one and now the other.
func (x *explainer) sameCause(a, b []int) bool {
	by, _ := x.causes(x.service, a)
	too, _ := x.causes(x.service, b)
	for t := range by {
		if too[t] > 0 {
			return true
		}
	}
	return false
}

func together(a, b []int) []int {
	both := slices.Concat(a, b)
	slices.Sort(both)
	return both
}

// best returns the best claim for some answers, as alternatives to each other.
func (x *explainer) best(emits []int) claim {
	key := countsKey(emits)
	if c, ok := x.cache[key]; ok {
		return c
	}
	if x.goOn(); x.stopped != nil {
		return newClaim(x.service, unprompted, emits, nil)
	}
	c := x.search(emits)
	if c.kind == unprompted {
		c.bare = c.cost
	}
	x.cache[key] = c
	return c
}

// goOn counts a search, and finds out whether to go on. Nearly all of them are
// for each type and for each two of them.
func (x *explainer) goOn() {
	if x.searches++; x.stopped == nil && x.tell != nil {
		x.stopped = x.tell(min(float64(x.searches)/float64(x.most), 0.99))
	}
}

func (x *explainer) search(emits []int) claim {
	none := newClaim(x.service, unprompted, emits, nil)
	given := x.given(&none)
	if slices.ContainsFunc(emits, func(t int) bool { return slices.Contains(x.starts, t) }) {
		if len(emits) > 1 {
			none.cost = float64(given)
		}
		return none
	}
	by, without := x.evidence(emits)
	none.cost = hopeless * float64(given)
	if !x.inferred && float64(without) >= mostly*float64(given) {
		none.cost = float64(given - without)
		if len(emits) > 1 {
			none.cost = float64(given) // what comes unprompted is no alternative
		}
		return none
	}
	candidates, undoing := by.triggers(), x.undoCandidates(emits)
	x = x.within(slices.Concat(emits, candidates, undoing), &none)
	best := none
	better := func(c claim, found bool) {
		// What a cause is named for did not come unprompted.
		if found && (c.cost < best.cost || !x.inferred && best.kind == unprompted) {
			best = c
		}
	}
	plain, found := x.plain(emits, candidates, by)
	joined, foundToo := x.join(emits, candidates, by)
	if found && foundToo {
		plain, _ = x.choose([]claim{plain, joined})
	} else if foundToo {
		plain = joined
	}
	better(plain, found || foundToo)
	better(x.undo(emits, undoing, best))
	best.inferred = x.inferred && best.kind != unprompted
	best.mixed = best.kind != unprompted && !x.inferred && float64(without) > (1-mostly)*float64(given)
	return best
}

// within looks only at the histories that have one of some types: in others,
// claims of these types, for the answers of c, owe and explain nothing.
func (x *explainer) within(types []int, c *claim) *explainer {
	m, y := *x.model, *x
	m.among = x.histories.having(types)
	y.model = &m
	y.there, y.columns, y.sums = make([]int, len(m.among)), make([][]uint16, len(x.types)), nil
	for k, h := range m.among {
		y.there[k] = m.answers(c, h)
	}
	return &y
}

// evidence returns what can have caused the answers.
func (x *explainer) evidence(emits []int) (by evidence, without int) {
	if x.inferred {
		return x.before(emits, x.sides, mostly), 0
	}
	by, without = x.causes(x.service, emits)
	for _, t := range emits {
		delete(by, t)
	}
	return by, without
}

// undoCandidates returns what can have made something be undone. Another cause
// may have been first, so that an event may well come after the answers.
func (x *explainer) undoCandidates(emits []int) []int {
	if x.inferred {
		return x.before(emits, slices.Concat(x.sides, x.undos), atTimes).triggers()
	}
	by, _ := x.evidence(emits)
	return by.triggers()
}

// weigh sets a claim's figures: the events that it does not explain, and what
// its form costs.
func (x *explainer) weigh(c *claim, by evidence) {
	c.tally = x.fit(c)
	c.cost = float64(c.tally.missing + c.tally.surplus)
	switch c.kind {
	case undo:
		c.cost += priceUndo
	case allOf:
		// Without causes it competes with a plain reaction to one of its events,
		// which explains as much: the nearest trigger is to decide.
		if !x.inferred {
			c.cost += priceJoin
		}
	case unprompted, anyOf:
	}
	conditional := c.unless >= 0 || c.ifs >= 0
	if conditional {
		c.cost += priceCondition
	}
	defer func() {
		if !conditional {
			c.bare = c.cost
		}
	}()
	if x.inferred || c.kind == undo { // otherwise nobody asks when they come
		early, wait := x.early(c)
		if c.wait = wait; x.inferred {
			c.cost += early
			return
		}
	}
	if c.kind != undo {
		for t, n := range by {
			if !slices.Contains(c.on, t) {
				c.cost += float64(n)
			}
		}
	}
}

// choose returns the best of some claims; of those that explain as much, the one
// whose triggers are nearest, where only the order tells.
func (x *explainer) choose(claims []claim) (best claim, found bool) {
	for _, c := range claims {
		switch {
		case !found, c.cost < best.cost-slackOf(best):
			best, found = c, true
		case c.cost <= best.cost+slackOf(best) && x.inferred && c.wait < best.wait:
			best = c
		}
	}
	for _, c := range claims {
		if found && x.inferred && c.cost <= best.cost+slackOf(best) && !slices.Equal(c.on, best.on) {
			best.rivals = append(best.rivals, c.on)
		}
	}
	return best, found
}

// slackOf is within what cost claims count as equal: the order of a log is
// somewhat a matter of chance.
func slackOf(c claim) float64 { return 0.002 * float64(c.tally.expected) }
