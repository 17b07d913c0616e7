package servicetest

import (
	"iter"
	"slices"

	"pgregory.net/rapid"
)

// Permutations yields every order of items. The slice is the yield's only until
// the next one.
func Permutations[T any](items []T) iter.Seq[[]T] {
	return func(yield func([]T) bool) {
		permute(slices.Clone(items), 0, yield)
	}
}

func permute[T any](items []T, from int, yield func([]T) bool) bool {
	if from >= len(items)-1 {
		return yield(items)
	}
	for i := from; i < len(items); i++ {
		items[from], items[i] = items[i], items[from]
		if !permute(items, from+1, yield) {
			return false
		}
		items[from], items[i] = items[i], items[from]
	}
	return true
}

// Subsets yields every selection of items, also the empty one.
func Subsets[T any](items []T) iter.Seq[[]T] {
	return func(yield func([]T) bool) {
		for mask := range 1 << len(items) {
			var subset []T
			for i, item := range items {
				if mask&(1<<i) != 0 {
					subset = append(subset, item)
				}
			}
			if !yield(subset) {
				return
			}
		}
	}
}

// DrawSequence draws an order in which each of items comes one to three times.
func DrawSequence[T any](t *rapid.T, items []T) []T {
	var sequence []T
	for _, item := range items {
		for range rapid.IntRange(1, 3).Draw(t, "copies") {
			sequence = append(sequence, item)
		}
	}
	return rapid.Permutation(sequence).Draw(t, "sequence")
}
