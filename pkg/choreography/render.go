package choreography

import (
	"fmt"
	"io"
)

// Format is a way to draw a choreography.
type Format string

// The formats.
const (
	// Mermaid is a flowchart for pages that show Mermaid, such as a README.
	Mermaid Format = "mermaid"
	// DOT is the language of Graphviz.
	DOT Format = "dot"
	// SVG is a drawing that stands on its own.
	SVG Format = "svg"
)

// Formats returns all formats.
func Formats() []Format { return []Format{Mermaid, DOT, SVG} }

// maxDrawn is how many nodes and edges an SVG may have; more of them nobody
// could read.
const maxDrawn = 1500

// Render draws a choreography: events as pills, reactions as boxes with the
// services that react. Compensations are dashed, what is on the side is grey,
// and outcomes say in words what they are. Who only listens is named beside the
// event. Names are escaped, whatever they contain.
func Render(w io.Writer, c *Choreography, as Format) error {
	d := draw(c)
	var text string
	switch as {
	case Mermaid:
		text = d.mermaid()
	case DOT:
		text = d.dot()
	case SVG:
		if n := len(d.nodes) + len(d.edges); n > maxDrawn {
			return fmt.Errorf("the choreography has %d nodes and edges, too many for one drawing (%d); draw it as dot and let Graphviz divide it", n, maxDrawn)
		}
		text = d.svg()
	default:
		return fmt.Errorf("there is no format %q; there are mermaid, dot and svg", string(as))
	}
	_, err := io.WriteString(w, text)
	return err
}
