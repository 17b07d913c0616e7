package layout

import "slices"

// Place finds places for the nodes and ways for the edges of a graph.
func Place(g Graph, s Spacing) Placed {
	p := Placed{Nodes: make([]Point, len(g.Nodes)), Edges: make([][]Point, len(g.Edges))}
	if len(g.Nodes) == 0 {
		return p
	}
	l := &layers{graph: g, spacing: s}
	l.breakCycles()
	l.assign()
	l.build()
	l.order()
	l.coordinates()
	for i := range g.Nodes {
		p.Nodes[i] = Point{l.cells[i].x, l.cells[i].y}
		p.Width = max(p.Width, l.cells[i].x+g.Nodes[i].Width/2)
		p.Height = max(p.Height, l.cells[i].y+g.Nodes[i].Height/2)
	}
	for i := range g.Edges {
		p.Edges[i] = l.way(i)
		for _, point := range p.Edges[i] {
			p.Width, p.Height = max(p.Width, point.X), max(p.Height, point.Y)
		}
	}
	return p
}

// cell is a node, or a bend of an edge that passes through a layer.
type cell struct {
	layer, place   int // place is the position in the layer
	width, height  float64
	x, y           float64
	bend           bool
	above, beneath []int
}

type layers struct {
	graph   Graph
	spacing Spacing
	back    []bool // edges that are turned round, so that there is no cycle
	rank    []int  // of nodes
	cells   []cell // nodes first, then bends
	rows    [][]int
	bends   [][]int // of each edge, from top to bottom

	ceilings, floors []float64 // of layers
	means            []float64 // of the neighbours' places, of cells
}

// valid tells whether an edge is placed.
func (l *layers) valid(e Edge) bool {
	n := len(l.graph.Nodes)
	return e.From != e.To && e.From >= 0 && e.From < n && e.To >= 0 && e.To < n
}

// downward returns an edge's ends, the upper one first.
func (l *layers) downward(i int) (from, to int) {
	e := l.graph.Edges[i]
	if l.back[i] {
		return e.To, e.From
	}
	return e.From, e.To
}

// breakCycles turns the edges round that lead back to where a walk in depth
// came from.
func (l *layers) breakCycles() {
	l.back = make([]bool, len(l.graph.Edges))
	out := make([][]int, len(l.graph.Nodes))
	in := make([]int, len(l.graph.Nodes))
	for i, e := range l.graph.Edges {
		if l.valid(e) {
			out[e.From] = append(out[e.From], i)
			in[e.To]++
		}
	}
	const (
		open = 1
		done = 2
	)
	state := make([]int, len(l.graph.Nodes))
	var visit func(n int)
	visit = func(n int) {
		state[n] = open
		for _, i := range out[n] {
			switch to := l.graph.Edges[i].To; state[to] {
			case open:
				l.back[i] = true
			case 0:
				visit(to)
			}
		}
		state[n] = done
	}
	for _, sources := range []bool{true, false} {
		for n := range state {
			if state[n] == 0 && (in[n] == 0) == sources {
				visit(n)
			}
		}
	}
}

// assign gives each node the first layer beneath all that lead to it, and then
// lets nodes that nothing leads to sink to just above what they lead to.
func (l *layers) assign() {
	n := len(l.graph.Nodes)
	l.rank = make([]int, n)
	out, in := make([][]int, n), make([]int, n)
	for i, e := range l.graph.Edges {
		if l.valid(e) {
			from, to := l.downward(i)
			out[from] = append(out[from], to)
			in[to]++
		}
	}
	waiting := append([]int(nil), in...)
	var queue []int
	for i := range n {
		if waiting[i] == 0 {
			queue = append(queue, i)
		}
	}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		for _, to := range out[at] {
			l.rank[to] = max(l.rank[to], l.rank[at]+1)
			if waiting[to]--; waiting[to] == 0 {
				queue = append(queue, to)
			}
		}
	}
	for i := range n {
		if in[i] > 0 || len(out[i]) == 0 {
			continue
		}
		lowest := l.rank[out[i][0]]
		for _, to := range out[i] {
			lowest = min(lowest, l.rank[to])
		}
		l.rank[i] = lowest - 1
	}
}

// build makes cells and rows, with a bend in each layer that an edge passes.
func (l *layers) build() {
	depth := 0
	for i, size := range l.graph.Nodes {
		l.cells = append(l.cells, cell{layer: l.rank[i], width: size.Width, height: size.Height})
		depth = max(depth, l.rank[i]+1)
	}
	l.bends = make([][]int, len(l.graph.Edges))
	for i, e := range l.graph.Edges {
		if !l.valid(e) {
			continue
		}
		from, to := l.downward(i)
		for layer := l.rank[from] + 1; layer < l.rank[to]; layer++ {
			l.cells = append(l.cells, cell{layer: layer, bend: true})
			bend := len(l.cells) - 1
			l.bends[i] = append(l.bends[i], bend)
			l.link(from, bend)
			from = bend
		}
		l.link(from, to)
	}
	l.rows = make([][]int, depth)
	for i := range l.cells {
		c := &l.cells[i]
		c.place = len(l.rows[c.layer])
		l.rows[c.layer] = append(l.rows[c.layer], i)
	}
}

func (l *layers) link(from, to int) {
	l.cells[from].beneath = append(l.cells[from].beneath, to)
	l.cells[to].above = append(l.cells[to].above, from)
}

// way returns the points of an edge, in its own direction.
func (l *layers) way(i int) []Point {
	e := l.graph.Edges[i]
	if !l.valid(e) {
		return nil
	}
	from, to := l.downward(i)
	upper, lower := l.cells[from], l.cells[to]
	points := []Point{{upper.x, upper.y + upper.height/2}, {upper.x, l.floors[upper.layer]}}
	for _, b := range l.bends[i] {
		// Straight down through the layer, so as not to touch its nodes.
		c := l.cells[b]
		points = append(points, Point{c.x, l.ceilings[c.layer]}, Point{c.x, l.floors[c.layer]})
	}
	points = append(points, Point{lower.x, l.ceilings[lower.layer]}, Point{lower.x, lower.y - lower.height/2})
	if l.back[i] {
		// Beside the middle, where edges that point down leave and arrive.
		last := len(points) - 1
		aside(points[:2], points[2].X, upper.width/4)
		aside(points[last-1:], points[last-2].X, lower.width/4)
		slices.Reverse(points)
	}
	return slices.Compact(points)
}

// aside moves the end of an edge towards where the edge goes.
func aside(points []Point, towards, by float64) {
	if towards < points[0].X {
		by = -by
	}
	for i := range points {
		points[i].X += by
	}
}
