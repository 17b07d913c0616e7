package learn

import (
	"slices"
	"strings"
)

// clearly is how many events an undo must explain more than a plain reaction to
// be preferred without further reason.
const clearly = 2

// undo looks for something that the service did, and that the answers take back
// wherever one of some triggers is there. plain is what explains them otherwise.
func (x *explainer) undo(emits, candidates []int, plain claim) (claim, bool) {
	var claims []claim
	given := make([]int, len(x.histories.all)) // none but where they are looked at
	for k, h := range x.among {
		given[h] = x.there[k]
	}
	forced := false
	for _, undone := range x.emitted() {
		if slices.Contains(emits, undone) || slices.Contains(x.starts, undone) {
			continue
		}
		said, told := x.saidToUndo(emits)
		if told && said != undone {
			continue
		}
		forced = forced || told
		c := newClaim(x.service, undo, emits, x.safe(given, candidates, undone))
		if c.undoes = undone; len(c.on) == 0 {
			continue
		}
		x.weigh(&c, nil)
		claims = append(claims, x.needed(c))
	}
	c, found := x.choose(claims)
	switch {
	case !found:
		return c, false
	case forced:
		c.cost = min(c.cost, plain.cost-1)
		return c, true
	case plain.cost-c.cost >= clearly, plain.bare-c.cost >= clearly && c.cost < plain.cost:
		return c, true
	case x.soundsUndone(emits) && c.cost <= plain.cost+priceUndo:
		c.guessed = true
		c.cost = plain.cost - priceUndo
		return c, true
	default:
		return c, false
	}
}

// emitted returns the types that the service emits.
func (x *explainer) emitted() (types []int) {
	for _, p := range x.pairs {
		if p.service == x.service {
			types = append(types, p.typ)
		}
	}
	return types
}

// saidToUndo returns what a person said that the answers undo; -1 for nothing.
func (x *explainer) saidToUndo(emits []int) (undone int, told bool) {
	for _, t := range emits {
		if undone, told = x.undoes[t]; told {
			return undone, true
		}
	}
	return -1, false
}

// safe returns the candidates after which what is to be undone nearly always is.
// given is how many answers each history has.
func (x *explainer) safe(given, candidates []int, undone int) (on []int) {
	there, done := make([]int, len(x.types)), make([]int, len(x.types)) // in how many flows
	for _, h := range x.histories.with[undone] {
		flows, all := x.histories.flows[h], given[h] >= int(x.histories.types[undone][h])
		for _, t := range x.histories.kinds[h] {
			there[t] += flows
			if all {
				done[t] += flows
			}
		}
	}
	for _, t := range candidates {
		if t != undone && there[t] > 0 && float64(done[t]) >= mostly*float64(there[t]) {
			on = append(on, t)
		}
	}
	return on
}

// needed takes out the triggers without which an undo explains as much. Of those
// that causation ids name, only the rare ones are in doubt.
func (x *explainer) needed(c claim) claim {
	var by evidence
	if !x.inferred {
		by, _ = x.causes(x.service, c.emits)
	}
	for {
		best, found := c, false
		for i, t := range c.on {
			if len(c.on) == 1 || by[t]*50 > c.tally.met {
				continue
			}
			less := c
			less.on = slices.Delete(slices.Clone(c.on), i, i+1)
			x.weigh(&less, nil)
			if less.cost > c.cost+slackOf(c) {
				continue
			}
			if !found || less.cost < best.cost-slackOf(best) || less.cost <= best.cost && less.wait < best.wait {
				best, found = less, true
			}
		}
		if !found {
			return c
		}
		c = best
	}
}

// soundsUndone tells whether the names of the answers say that something was
// undone.
func (x *explainer) soundsUndone(emits []int) bool {
	return !slices.ContainsFunc(emits, func(t int) bool { return !hasWord(x.types[t], undoWords()) })
}

func undoWords() []string {
	return []string{"return", "refund", "releas", "revers", "revert", "restor", "undo", "undone", "compensat", "rollback", "rolledback", "unreserv", "credited", "withdrawn", "voided"}
}

func failureWords() []string {
	return []string{"reject", "fail", "cancel", "declin", "refus", "expir", "abort", "denied", "error", "timeout", "timedout", "unavailable", "outofstock", "void", "invalid"}
}

// hasWord tells whether one of some words is in a name, whatever its letters'
// case and what parts its words.
func hasWord(name string, words []string) bool {
	plain := strings.NewReplacer(".", "", "_", "", "-", "", " ", "").Replace(strings.ToLower(name))
	return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(plain, w) })
}
