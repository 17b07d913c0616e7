package learn

import (
	"cmp"
	"slices"
)

// scored is a set of triggers and how badly it explains something.
type scored struct {
	on   []int
	cost float64
}

// exhaustive is up to how many candidates all their sets are tried, if that
// takes no more than so many looks at a history.
const (
	exhaustive = 14
	looks      = 4_000_000
)

// bestSets returns the sets of candidates of the least cost, the best first and
// of equal ones the smaller first: those within slack of the best, at most keep. A call of
// cost looks at so many histories.
func bestSets(candidates []int, histories int, slack float64, keep int, cost func(on []int) float64) []scored {
	var all []scored
	if len(candidates) <= exhaustive && histories<<len(candidates) <= looks {
		on := make([]int, 0, len(candidates))
		for bits := 1; bits < 1<<len(candidates); bits++ {
			on = on[:0]
			for i, t := range candidates {
				if bits&(1<<i) != 0 {
					on = append(on, t)
				}
			}
			all = consider(all, on, cost(on), slack, keep)
		}
	} else {
		all = climb(candidates, slack, keep, cost)
	}
	slices.SortStableFunc(all, byCost)
	return all[:min(len(all), keep)]
}

func byCost(a, b scored) int {
	return cmp.Or(cmp.Compare(a.cost, b.cost), cmp.Compare(len(a.on), len(b.on)), slices.Compare(a.on, b.on))
}

// consider adds a set if it is good enough, and thins the list out in time.
func consider(all []scored, on []int, cost, slack float64, keep int) []scored {
	least := cost
	if len(all) > 0 {
		least = min(all[0].cost, cost)
	}
	if cost > least+slack {
		return all
	}
	all = append(all, scored{slices.Clone(on), cost})
	if cost < all[0].cost {
		all[0], all[len(all)-1] = all[len(all)-1], all[0]
	}
	if len(all) > 8*keep {
		slices.SortStableFunc(all, byCost)
		all = all[:keep]
	}
	return slices.DeleteFunc(all, func(s scored) bool { return s.cost > least+slack })
}

// climb adds, takes away or exchanges one candidate at a time, as long as that
// helps.
func climb(candidates []int, slack float64, keep int, cost func(on []int) float64) []scored {
	var all, visited []scored
	try := func(on []int) float64 {
		c := cost(on)
		visited = append(visited, scored{slices.Clone(on), c})
		return c
	}
	var on []int
	least := -1.0
	for better := true; better; {
		better = false
		for _, next := range neighbours(on, candidates) {
			if c := try(next); least < 0 || c < least {
				least, on, better = c, next, true
				break
			}
		}
	}
	for _, v := range visited {
		all = consider(all, v.on, v.cost, slack, keep)
	}
	return all
}

// neighbours returns the sets that differ by one candidate, or by one for another.
func neighbours(on, candidates []int) (sets [][]int) {
	for _, t := range candidates {
		if i := slices.Index(on, t); i < 0 {
			sets = append(sets, append(slices.Clone(on), t))
		} else if len(on) > 1 {
			sets = append(sets, slices.Delete(slices.Clone(on), i, i+1))
		}
	}
	for i := range on {
		for _, t := range candidates {
			if !slices.Contains(on, t) {
				exchanged := slices.Clone(on)
				exchanged[i] = t
				sets = append(sets, exchanged)
			}
		}
	}
	return sets
}
