package choreography

import (
	"fmt"
	"strings"
)

// dot returns the drawing in the language of Graphviz.
func (d *drawing) dot() string {
	var b strings.Builder
	fmt.Fprintf(&b, "digraph %s {\n", dotText(d.title))
	b.WriteString("  graph [rankdir=TB, fontname=\"sans-serif\"]\n  node [fontname=\"sans-serif\", fontsize=11, style=\"filled,rounded\"]\n  edge [arrowsize=0.7]\n")
	for i := range d.nodes {
		n := &d.nodes[i]
		p := n.look.paint()
		shape, style := "box", "filled"
		if n.event {
			style = "filled,rounded"
		}
		if n.look == lookUndo {
			style += ",dashed"
		}
		tooltip := n.about
		if tooltip == "" {
			tooltip = n.title
		}
		fmt.Fprintf(&b, "  n%d [label=%s, tooltip=%s, shape=%s, style=%q, fillcolor=%q, color=%q, fontcolor=%q]\n",
			i, dotText(strings.Join(n.labels(), "\n")), dotText(tooltip), shape, style, p.fill, p.stroke, p.text)
	}
	for _, e := range d.edges {
		style := "solid"
		if e.look == lookUndo {
			style = "dashed"
		}
		fmt.Fprintf(&b, "  n%d -> n%d [style=%s, color=%q]\n", e.from, e.to, style, e.look.paint().stroke)
	}
	b.WriteString("}\n")
	return b.String()
}

// dotText returns a quoted string in which nothing is an escape sequence.
func dotText(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
}
