package choreography

import (
	"fmt"
	"io"
)

// Annotation is what a drawing says of a reaction beside the contract: how it
// fares.
type Annotation struct {
	// Lines stand beneath the reaction's own.
	Lines []string
	// Address makes the reaction a link, and Class adds a class to its group.
	// Neither may be taken from a message.
	Address, Class string
}

// RenderAnnotated draws a choreography as SVG, as [Render] does, with what about
// returns for each reaction, by its place in c.Reactions. Reactions that only
// listen are not asked for.
func RenderAnnotated(w io.Writer, c *Choreography, about func(reaction int) Annotation) error {
	d := draw(c)
	if n := len(d.nodes) + len(d.edges); n > maxDrawn {
		return fmt.Errorf("the choreography has %d nodes and edges, too many for one drawing (%d)", n, maxDrawn)
	}
	for i := range d.nodes {
		if n := &d.nodes[i]; !n.event {
			a := about(n.reaction)
			n.live, n.address, n.class = a.Lines, a.Address, a.Class
		}
	}
	_, err := io.WriteString(w, d.svg())
	return err
}
