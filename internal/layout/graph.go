package layout

// Graph is what is to be placed. Edges name nodes by their index; an edge that
// does not, or that leads back to its own node, is ignored.
type Graph struct {
	Nodes []Size
	Edges []Edge
}

// Size is the extent of a node.
type Size struct{ Width, Height float64 }

// Edge leads from one node to another.
type Edge struct{ From, To int }

// Point is a place, measured from the top left corner.
type Point struct{ X, Y float64 }

// Spacing is how far things are apart.
type Spacing struct {
	// Nodes is the gap between neighbours in a layer, Layers that between layers.
	Nodes, Layers float64
}

// Placed is where everything is.
type Placed struct {
	// Width and Height are those of the whole drawing.
	Width, Height float64
	// Nodes has the centre of each node.
	Nodes []Point
	// Edges has the points that each edge goes through, from its origin's border
	// to its target's. An edge that was ignored has none.
	Edges [][]Point
}
