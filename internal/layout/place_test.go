package layout_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/laban-io/laban/internal/layout"
)

func spacing() layout.Spacing { return layout.Spacing{Nodes: 10, Layers: 30} }

func boxes(n int) []layout.Size {
	sizes := make([]layout.Size, n)
	for i := range sizes {
		sizes[i] = layout.Size{Width: 40, Height: 20}
	}
	return sizes
}

func TestAChainRunsStraightDown(t *testing.T) {
	p := layout.Place(layout.Graph{Nodes: boxes(3), Edges: []layout.Edge{{From: 0, To: 1}, {From: 1, To: 2}}}, spacing())
	require.Equal(t, []layout.Point{{X: 20, Y: 10}, {X: 20, Y: 60}, {X: 20, Y: 110}}, p.Nodes)
	require.Equal(t, [][]layout.Point{{{X: 20, Y: 20}, {X: 20, Y: 50}}, {{X: 20, Y: 70}, {X: 20, Y: 100}}}, p.Edges)
	require.Equal(t, 40.0, p.Width)
	require.Equal(t, 120.0, p.Height)
}

func TestAParentIsOverTheMiddleOfItsChildren(t *testing.T) {
	p := layout.Place(layout.Graph{Nodes: boxes(3), Edges: []layout.Edge{{From: 0, To: 1}, {From: 0, To: 2}}}, spacing())
	require.InDelta(t, (p.Nodes[1].X+p.Nodes[2].X)/2, p.Nodes[0].X, 0.5)
	require.GreaterOrEqual(t, math.Abs(p.Nodes[1].X-p.Nodes[2].X), 50.0)
}

func TestCrossingsAreUndone(t *testing.T) {
	// In the order in which they are given, all three edges would cross.
	p := layout.Place(layout.Graph{Nodes: boxes(6), Edges: []layout.Edge{{From: 0, To: 5}, {From: 1, To: 4}, {From: 2, To: 3}}}, spacing())
	for i := range 3 {
		for j := range i {
			above := p.Nodes[i].X < p.Nodes[j].X
			beneath := p.Nodes[5-i].X < p.Nodes[5-j].X
			require.Equal(t, above, beneath, "edges %d and %d cross", i, j)
		}
	}
}

func TestALongEdgePassesBesideNodes(t *testing.T) {
	g := layout.Graph{Nodes: boxes(3), Edges: []layout.Edge{{From: 0, To: 1}, {From: 1, To: 2}, {From: 0, To: 2}}}
	p := layout.Place(g, spacing())
	for _, point := range p.Edges[2] {
		inside := math.Abs(point.X-p.Nodes[1].X) < 20 && math.Abs(point.Y-p.Nodes[1].Y) < 10
		require.False(t, inside, "%v is in node 1 at %v", point, p.Nodes[1])
	}
}

func TestACycleIsDrawnWithOneEdgeUp(t *testing.T) {
	p := layout.Place(layout.Graph{Nodes: boxes(3), Edges: []layout.Edge{{From: 0, To: 1}, {From: 1, To: 2}, {From: 2, To: 0}}}, spacing())
	up := 0
	for _, e := range p.Edges {
		if e[0].Y > e[len(e)-1].Y {
			up++
		}
	}
	require.Equal(t, 1, up)
}

func TestWhatNamesNoNodeIsIgnored(t *testing.T) {
	p := layout.Place(layout.Graph{Nodes: boxes(1), Edges: []layout.Edge{{From: 0, To: 7}, {From: -1, To: 0}, {From: 0, To: 0}}}, spacing())
	require.Equal(t, [][]layout.Point{nil, nil, nil}, p.Edges)
	require.Empty(t, layout.Place(layout.Graph{}, spacing()).Nodes)
}

func TestAnyGraph(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := anyGraph(t)
		p := layout.Place(g, spacing())
		require.Equal(t, p, layout.Place(g, spacing()), "the same graph, the same drawing")
		for i, a := range g.Nodes {
			at := p.Nodes[i]
			require.GreaterOrEqual(t, at.X-a.Width/2, -1e-6)
			require.GreaterOrEqual(t, at.Y-a.Height/2, -1e-6)
			require.LessOrEqual(t, at.X+a.Width/2, p.Width+1e-6)
			require.LessOrEqual(t, at.Y+a.Height/2, p.Height+1e-6)
			for j := range i {
				b, there := g.Nodes[j], p.Nodes[j]
				apart := math.Abs(at.X-there.X) >= (a.Width+b.Width)/2+spacing().Nodes-1e-6 || math.Abs(at.Y-there.Y) >= (a.Height+b.Height)/2
				require.True(t, apart, "nodes %d and %d touch", i, j)
			}
		}
		for i, e := range g.Edges {
			if e.From == e.To {
				require.Nil(t, p.Edges[i])
				continue
			}
			way := p.Edges[i]
			require.InDelta(t, p.Nodes[e.From].X, way[0].X, g.Nodes[e.From].Width/4+1e-6)
			require.InDelta(t, p.Nodes[e.To].X, way[len(way)-1].X, g.Nodes[e.To].Width/4+1e-6)
			require.InDelta(t, g.Nodes[e.From].Height/2, math.Abs(way[0].Y-p.Nodes[e.From].Y), 1e-6)
			require.InDelta(t, g.Nodes[e.To].Height/2, math.Abs(way[len(way)-1].Y-p.Nodes[e.To].Y), 1e-6)
		}
	})
}

func anyGraph(t *rapid.T) layout.Graph {
	n := rapid.IntRange(1, 25).Draw(t, "nodes")
	g := layout.Graph{}
	for range n {
		g.Nodes = append(g.Nodes, layout.Size{Width: float64(rapid.IntRange(1, 200).Draw(t, "width")), Height: float64(rapid.IntRange(1, 60).Draw(t, "height"))})
	}
	for range rapid.IntRange(0, 40).Draw(t, "edges") {
		g.Edges = append(g.Edges, layout.Edge{From: rapid.IntRange(0, n-1).Draw(t, "from"), To: rapid.IntRange(0, n-1).Draw(t, "to")})
	}
	return g
}

// TestLargeGraphs are as large as what is ever drawn, and as bad as can be.
func TestLargeGraphs(t *testing.T) {
	comb := layout.Graph{Nodes: boxes(500)} // a chain, and edges from its head to each node
	for i := range 499 {
		comb.Edges = append(comb.Edges, layout.Edge{From: i, To: i + 1}, layout.Edge{From: 0, To: i + 1})
	}
	tangle := layout.Graph{Nodes: boxes(300)}
	next := uint32(1)
	random := func() int {
		next = next*1664525 + 1013904223
		return int(next>>8) % 300
	}
	for range 1200 {
		tangle.Edges = append(tangle.Edges, layout.Edge{From: random(), To: random()})
	}
	for name, g := range map[string]layout.Graph{"comb": comb, "tangle": tangle} {
		began := time.Now()
		layout.Place(g, spacing())
		t.Logf("%s: %v", name, time.Since(began))
		require.Less(t, time.Since(began), 30*time.Second, name)
	}
}
