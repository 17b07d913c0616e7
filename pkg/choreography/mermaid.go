package choreography

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// mermaid returns the drawing as a Mermaid flowchart.
func (d *drawing) mermaid() string {
	var b strings.Builder
	b.WriteString("flowchart TD\n")
	fmt.Fprintf(&b, "  accTitle: %s\n", mermaidText(d.title))
	if d.about != "" {
		fmt.Fprintf(&b, "  accDescr: %s\n", mermaidText(strings.ReplaceAll(d.about, "\n", " ")))
	}
	for i := range d.nodes {
		n := &d.nodes[i]
		lines := n.labels()
		for j := range lines {
			lines[j] = mermaidText(lines[j])
		}
		open, end := "[", "]"
		if n.event {
			open, end = "([", "])"
		}
		fmt.Fprintf(&b, "  n%d%s\"%s\"%s:::%s\n", i, open, strings.Join(lines, "<br/>"), end, n.look)
	}
	var side []string
	for i, e := range d.edges {
		arrow := "-->"
		if e.look == lookUndo {
			arrow = "-.->"
		}
		fmt.Fprintf(&b, "  n%d %s n%d\n", e.from, arrow, e.to)
		if e.look == lookSide {
			side = append(side, strconv.Itoa(i))
		}
	}
	if len(side) > 0 {
		fmt.Fprintf(&b, "  linkStyle %s stroke:#9ca3af\n", strings.Join(side, ","))
	}
	for l := lookPlain; l <= lookSide; l++ {
		p := l.paint()
		dash := ""
		if l == lookUndo {
			dash = ",stroke-dasharray:5 4"
		}
		fmt.Fprintf(&b, "  classDef %s fill:%s,stroke:%s,color:%s%s\n", l, p.fill, p.stroke, p.text, dash)
	}
	return b.String()
}

// mermaidText writes everything but plain letters, digits and some punctuation
// as entity codes, which Mermaid reads back.
func mermaidText(s string) string {
	var b strings.Builder
	for _, r := range s {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune(" .,_-/", r) {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, "#%d;", r)
		}
	}
	return b.String()
}
