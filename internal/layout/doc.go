// Package layout places the nodes of a directed graph in layers, from top to
// bottom, so that edges point down where they can, cross seldom, and run
// straight. It knows sizes and coordinates, and nothing of what is drawn.
//
// [Place] promises the same result for the same graph, nodes that do not
// overlap, and coordinates that begin at 0. It takes time that grows with the
// number of edges times the number of layers; graphs of some hundred nodes are
// what it is for.
//
// The way is that of K. Sugiyama, S. Tagawa, M. Toda, "Methods for visual
// understanding of hierarchical system structures", IEEE Transactions on
// Systems, Man and Cybernetics 11 (2), 1981: break cycles, assign layers, order
// each layer by the mean place of its neighbours, then give coordinates.
package layout
