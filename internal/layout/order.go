package layout

import (
	"cmp"
	"slices"
)

// sweeps is how often layers are ordered anew; more changes little.
const sweeps = 24

// maxPairs is how many pairs of cells in one layer are compared for crossings;
// beyond it, nobody could see the difference.
const maxPairs = 100_000

// order sorts each layer by the mean place of the neighbours, down and up by
// turns, and keeps the order with the fewest crossings.
func (l *layers) order() {
	l.means = make([]float64, len(l.cells))
	pairs := 0
	for _, row := range l.rows {
		pairs += len(row) * len(row)
	}
	if pairs > maxPairs {
		for sweep := range 4 {
			l.sweep(sweep)
		}
		return
	}
	best, fewest := l.snapshot(), l.crossings()
	for sweep := range sweeps {
		l.sweep(sweep)
		l.exchange()
		if n := l.crossings(); n < fewest {
			best, fewest = l.snapshot(), n
		}
	}
	l.rows = best
	l.number()
}

// sweep sorts the layers once, downwards or upwards by turns.
func (l *layers) sweep(n int) {
	if n%2 == 0 {
		for _, row := range l.rows[1:] {
			l.sort(row, func(c *cell) []int { return c.above })
		}
		return
	}
	for i := len(l.rows) - 2; i >= 0; i-- {
		l.sort(l.rows[i], func(c *cell) []int { return c.beneath })
	}
}

func (l *layers) sort(row []int, neighbours func(*cell) []int) {
	mean := l.means
	for _, i := range row {
		c := &l.cells[i]
		near := neighbours(c)
		if len(near) == 0 {
			mean[i] = float64(c.place)
			continue
		}
		sum := 0
		for _, n := range near {
			sum += l.cells[n].place
		}
		mean[i] = float64(sum) / float64(len(near))
	}
	slices.SortStableFunc(row, func(a, b int) int { return cmp.Compare(mean[a], mean[b]) })
	for place, i := range row {
		l.cells[i].place = place
	}
}

// exchange swaps neighbours in a layer where that saves crossings.
func (l *layers) exchange() {
	for _, row := range l.rows {
		for again, rounds := true, 0; again && rounds < len(row); rounds++ {
			again = false
			for i := 0; i+1 < len(row); i++ {
				a, b := &l.cells[row[i]], &l.cells[row[i+1]]
				now := l.pairs(a.above, b.above) + l.pairs(a.beneath, b.beneath)
				swapped := l.pairs(b.above, a.above) + l.pairs(b.beneath, a.beneath)
				if swapped < now {
					row[i], row[i+1] = row[i+1], row[i]
					a.place, b.place = b.place, a.place
					again = true
				}
			}
		}
	}
}

// pairs counts the crossings of the edges of two neighbours, the left one first.
func (l *layers) pairs(left, right []int) (n int) {
	for _, a := range left {
		for _, b := range right {
			if l.cells[a].place > l.cells[b].place {
				n++
			}
		}
	}
	return n
}

func (l *layers) crossings() (n int) {
	for _, row := range l.rows {
		for i := range row {
			for j := i + 1; j < len(row); j++ {
				n += l.pairs(l.cells[row[i]].beneath, l.cells[row[j]].beneath)
			}
		}
	}
	return n
}

func (l *layers) snapshot() [][]int {
	rows := make([][]int, len(l.rows))
	for i, row := range l.rows {
		rows[i] = slices.Clone(row)
	}
	return rows
}

func (l *layers) number() {
	for _, row := range l.rows {
		for place, i := range row {
			l.cells[i].place = place
		}
	}
}
