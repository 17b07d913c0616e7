package layout

// passes is how often cells are drawn towards their neighbours.
const passes = 60

// manyCells is from how many cells on a few passes must do.
const manyCells = 10_000

// straightness is how much more a bend weighs than a node.
const straightness = 8

// coordinates gives every cell its place. Horizontally each layer is moved as
// near to its neighbours above and beneath as its order allows, again and again.
func (l *layers) coordinates() {
	y := 0.0
	for _, row := range l.rows {
		height := 0.0
		for _, i := range row {
			height = max(height, l.cells[i].height)
		}
		for _, i := range row {
			l.cells[i].y = y + height/2
		}
		l.ceilings, l.floors = append(l.ceilings, y), append(l.floors, y+height)
		y += height + l.spacing.Layers
	}
	for _, row := range l.rows { // begin packed, and centred
		l.settle(row, func(*cell) float64 { return 0 })
	}
	passes := passes
	if len(l.cells) > manyCells {
		passes = 8
	}
	for pass := range passes {
		wanted := func(c *cell) float64 { return l.mean(c, c.above, c.beneath) }
		switch {
		case pass >= passes/2: // the last word is that of both sides
		case pass%2 == 0:
			wanted = func(c *cell) float64 { return l.mean(c, c.above) }
		default:
			wanted = func(c *cell) float64 { return l.mean(c, c.beneath) }
		}
		for k := range l.rows {
			row := l.rows[k]
			if pass%2 == 1 {
				row = l.rows[len(l.rows)-1-k]
			}
			l.settle(row, wanted)
		}
	}
	left := 0.0
	for i, c := range l.cells {
		if i == 0 || c.x-c.width/2 < left {
			left = c.x - c.width/2
		}
	}
	for i := range l.cells {
		l.cells[i].x -= left
	}
}

// mean returns where a cell's neighbours would have it.
func (l *layers) mean(c *cell, sides ...[]int) float64 {
	sum, weights := 0.0, 0.0
	for _, side := range sides {
		for _, i := range side {
			weight := 1.0
			if c.bend && l.cells[i].bend {
				weight = straightness
			}
			sum += weight * l.cells[i].x
			weights += weight
		}
	}
	if weights == 0 {
		return c.x
	}
	return sum / weights
}

// block is a run of cells that touch.
type block struct {
	cells       int
	sum, weight float64
}

// settle moves the cells of a row as near to where they want to be as they can
// come without overlapping or changing their order: the sum of the squared
// distances is the least. Bends weigh more, so that long edges run straight.
//
// Source: the pool adjacent violators algorithm for isotonic regression,
// R. Barlow et al., "Statistical inference under order restrictions", 1972.
func (l *layers) settle(row []int, wanted func(*cell) float64) {
	offsets := make([]float64, len(row)) // of each cell from the first, where all touch
	var blocks []block
	for k, i := range row {
		c := &l.cells[i]
		if k > 0 {
			before := &l.cells[row[k-1]]
			gap := l.spacing.Nodes
			if before.bend && c.bend {
				gap /= 2
			}
			offsets[k] = offsets[k-1] + before.width/2 + gap + c.width/2
		}
		weight := 1.0
		if c.bend {
			weight = straightness
		}
		blocks = append(blocks, block{1, weight * (wanted(c) - offsets[k]), weight})
		for len(blocks) > 1 {
			a, b := blocks[len(blocks)-2], blocks[len(blocks)-1]
			if a.sum/a.weight <= b.sum/b.weight {
				break
			}
			blocks = append(blocks[:len(blocks)-2], block{a.cells + b.cells, a.sum + b.sum, a.weight + b.weight})
		}
	}
	k := 0
	for _, b := range blocks {
		for range b.cells {
			l.cells[row[k]].x = b.sum/b.weight + offsets[k]
			k++
		}
	}
}
