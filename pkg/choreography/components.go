package choreography

// components numbers the strongly connected parts of the graph of events, in
// which an edge leads from what a reaction waits for to its answers. Reactions
// are nodes, too, so that the graph is no larger than the file.
//
// Source: R. Tarjan, "Depth-first search and linear graph algorithms", SIAM
// Journal on Computing 1 (2), 1972.
func components(x *index) []int {
	events, reactions := len(x.events), len(x.c.Reactions)
	t := &tarjan{low: make([]int, events+reactions), index: make([]int, events+reactions), part: make([]int, events+reactions)}
	t.edges = func(n int) (to []int) {
		if n < events {
			for _, i := range x.reactors[x.events[n]] {
				if moves(&x.c.Reactions[i]) {
					to = append(to, events+i)
				}
			}
			return to
		}
		for _, e := range x.c.Reactions[n-events].Emits {
			to = append(to, x.number[e])
		}
		return to
	}
	for n := range t.index {
		if t.index[n] == 0 {
			t.visit(n)
		}
	}
	return t.part[:events]
}

// tarjan is the algorithm's state. Its recursion is as deep as the longest way,
// which the number of reactions bounds.
type tarjan struct {
	edges            func(int) []int
	index, low, part []int // index is 0 before the visit, part is 0 until it is known
	stack            []int
	count, parts     int
}

func (t *tarjan) visit(n int) {
	t.count++
	t.index[n], t.low[n] = t.count, t.count
	t.stack = append(t.stack, n)
	for _, m := range t.edges(n) {
		if t.index[m] == 0 {
			t.visit(m)
			t.low[n] = min(t.low[n], t.low[m])
		} else if t.part[m] == 0 {
			t.low[n] = min(t.low[n], t.index[m])
		}
	}
	if t.low[n] != t.index[n] {
		return
	}
	t.parts++
	for {
		m := t.stack[len(t.stack)-1]
		t.stack = t.stack[:len(t.stack)-1]
		t.part[m] = t.parts
		if m == n {
			return
		}
	}
}
