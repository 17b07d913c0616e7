package learn

import (
	"encoding/binary"
	"slices"

	"github.com/cespare/xxhash/v2"
)

// histories are the different histories that flows have: how often each type,
// and each answer, is in them. They are kept by column, since a claim looks at a
// few types in all histories, and numbered so that those of most flows come first.
type histories struct {
	// flows says how many flows have each.
	flows []int
	// types and pairs are the columns: by type, and by pair, how often it is in
	// each history. MaxFlowEvents bounds what they count.
	types, pairs [][]uint16
	// with are, by type, the histories that have it, in their order.
	with [][]int32
	// kinds are the types that each history has.
	kinds [][]uint16
	// all are all of them.
	all []int32
}

// newHistories gathers the histories of some flows.
func newHistories(flows []*run, types int, pairs []pair, pairOf func(*step) int) *histories {
	h := &histories{types: make([][]uint16, types), pairs: make([][]uint16, len(pairs)), with: make([][]int32, types)}
	at := map[string]int{}
	var keys []string
	var counts []int
	var key []byte
	for _, f := range flows {
		key = f.history(key, pairOf)
		i, ok := at[string(key)]
		if !ok {
			i = len(keys)
			keys = append(keys, string(key))
			counts = append(counts, 0)
			at[keys[i]] = i
		}
		counts[i]++
	}
	order := make([]int, len(keys))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return counts[b] - counts[a] })
	for i := range h.pairs {
		h.pairs[i] = make([]uint16, len(keys))
	}
	for _, p := range pairs {
		if h.types[p.typ] == nil {
			h.types[p.typ] = make([]uint16, len(keys))
		}
	}
	none := make([]uint16, len(keys))
	for t := range h.types {
		if h.types[t] == nil {
			h.types[t] = none // one that is in other choreographies only
		}
	}
	for n, i := range order {
		h.flows = append(h.flows, counts[i])
		h.all = append(h.all, int32(n))
		kinds := make([]uint16, 0, len(keys[i])/4)
		for k := []byte(keys[i]); len(k) > 0; k = k[4:] {
			p := binary.BigEndian.Uint32(k)
			h.pairs[p][n]++
			if h.types[pairs[p].typ][n]++; h.types[pairs[p].typ][n] == 1 {
				h.with[pairs[p].typ] = append(h.with[pairs[p].typ], int32(n))
				kinds = append(kinds, uint16(pairs[p].typ)) //nolint:gosec // at most MaxTypes
			}
		}
		h.kinds = append(h.kinds, slices.Clip(kinds))
	}
	return h
}

// history returns what tells a flow's history from others: its answers, sorted.
func (f *run) history(into []byte, pairOf func(*step) int) []byte {
	numbers := make([]uint32, len(f.events))
	for i := range f.events {
		numbers[i] = uint32(pairOf(&f.events[i])) //nolint:gosec // at most MaxTypes times MaxTypes
	}
	slices.Sort(numbers)
	into = into[:0]
	for _, n := range numbers {
		into = binary.BigEndian.AppendUint32(into, n)
	}
	return into
}

// thinned returns fewer flows where they have more different histories than
// most: one of two, of four, … and how often they were halved. Which ones is a
// matter of their ids, after the bits that were used for that already.
func thinned(flows []*run, most, halved int, pairOf func(*step) int) (kept []*run, times int) {
	keys := make([]uint64, len(flows))
	var key []byte
	for i, f := range flows {
		key = f.history(key, pairOf)
		keys[i] = xxhash.Sum64(key)
	}
	different := map[uint64]bool{}
	for {
		clear(different)
		for i, f := range flows {
			if f.inSample(halved + times) {
				different[keys[i]] = true
			}
		}
		if len(different) <= most || halved+times >= maxHalvings {
			break
		}
		times++
	}
	if times == 0 {
		return flows, 0
	}
	for _, f := range flows {
		if f.inSample(halved + times) {
			kept = append(kept, f)
		}
	}
	return kept, times
}

// having returns the histories that have one of some types.
func (h *histories) having(types []int) []int32 {
	there, n := make([]bool, len(h.all)), 0
	for _, t := range types {
		for _, i := range h.with[t] {
			if !there[i] {
				there[i] = true
				n++
			}
		}
	}
	found := make([]int32, 0, n)
	for i, is := range there {
		if is {
			found = append(found, int32(i))
		}
	}
	return found
}
