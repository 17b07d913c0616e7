package choreography

import (
	"fmt"
	"html"
	"math"
	"strings"
	"unicode"

	"github.com/laban-io/laban/internal/layout"
)

// paint is the colours of a look. Text has at least 4.5 times the luminance of
// its ground, or the other way round, as WCAG 2.2 asks for.
type paint struct{ fill, stroke, text string }

func (l look) paint() paint {
	switch l {
	case lookStart:
		return paint{"#dbeafe", "#1d4ed8", "#1e3a8a"}
	case lookCompleted:
		return paint{"#dcfce7", "#15803d", "#14532d"}
	case lookFailed:
		return paint{"#fee2e2", "#b91c1c", "#7f1d1d"}
	case lookUndo:
		return paint{"#fffbeb", "#b45309", "#713f12"}
	case lookSide:
		return paint{"#f9fafb", "#9ca3af", "#6b7280"}
	default:
		return paint{"#ffffff", "#475569", "#0f172a"}
	}
}

const (
	titleSize  = 13.0 // px, as all lengths here
	lineSize   = 11.0
	lineHeight = 15.0
	padding    = 10.0
	margin     = 20.0
	headHeight = 44.0
	footHeight = 34.0
	maxShown   = 40 // characters of a line
	minWidth   = 800.0
	tall       = 2000.0 // from here on nobody sees the top and the foot at once
)

// svg returns the drawing as an SVG that needs nothing else: no font, no script,
// no style sheet.
func (d *drawing) svg() string {
	g := layout.Graph{}
	for i := range d.nodes {
		g.Nodes = append(g.Nodes, d.nodes[i].size())
	}
	for _, e := range d.edges {
		g.Edges = append(g.Edges, layout.Edge{From: e.from, To: e.to})
	}
	placed := layout.Place(g, layout.Spacing{Nodes: 22, Layers: 42})
	width := math.Max(placed.Width, minWidth) + 2*margin
	head := headHeight
	if placed.Height > tall {
		head += footHeight // the legend is there, too
	}
	height := placed.Height + 2*margin + head + footHeight

	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%.0f" viewBox="0 0 %.0f %.0f" role="%s" aria-labelledby="title about" font-family="system-ui, 'Segoe UI', Helvetica, Arial, sans-serif">`+"\n", width, height, width, height, d.role())
	fmt.Fprintf(&b, "<title id=\"title\">%s</title>\n<desc id=\"about\">%s</desc>\n", xmlText(d.title), xmlText(d.inWords()))
	fmt.Fprintf(&b, `<rect width="%.0f" height="%.0f" fill="#ffffff"/>`+"\n<defs>\n", width, height)
	for _, l := range []look{lookPlain, lookUndo, lookSide} {
		fmt.Fprintf(&b, `<marker id="arrow-%s" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto-start-reverse"><path d="M0 0.5 8 4 0 7.5z" fill="%s"/></marker>`+"\n", l, l.paint().stroke)
	}
	b.WriteString("</defs>\n")
	fmt.Fprintf(&b, `<text x="%.0f" y="%.0f" font-size="17" font-weight="600" fill="#0f172a">%s</text>`+"\n", margin, margin+12, xmlText(clipTo(d.title, 70)))
	if d.about != "" {
		fmt.Fprintf(&b, `<text x="%.0f" y="%.0f" font-size="12" fill="#475569">%s</text>`+"\n", margin, margin+32, xmlText(clipTo(d.about, int(width/6.2))))
	}
	left := margin + (width-2*margin-placed.Width)/2
	if head > headHeight {
		legend(&b, margin+headHeight+12)
	}
	fmt.Fprintf(&b, `<g transform="translate(%.1f %.1f)">`+"\n", left, margin+head)
	for i, e := range d.edges {
		d.svgEdge(&b, e, placed.Edges[i])
	}
	for i := range d.nodes {
		d.nodes[i].svg(&b, placed.Nodes[i])
	}
	b.WriteString("</g>\n")
	legend(&b, height-margin-4)
	b.WriteString("</svg>\n")
	return b.String()
}

// role is that of a picture, or of a group where there are links in it.
func (d *drawing) role() string {
	for i := range d.nodes {
		if d.nodes[i].address != "" {
			return "group"
		}
	}
	return "img"
}

func (d *drawing) svgEdge(b *strings.Builder, e drawnEdge, points []layout.Point) {
	if len(points) == 0 {
		return // from a node to itself, which no contract has
	}
	dash := ""
	if e.look == lookUndo {
		dash = ` stroke-dasharray="6 4"`
	}
	fmt.Fprintf(b, `<path d="%s" fill="none" stroke="%s" stroke-width="1.3"%s marker-end="url(#arrow-%s)"/>`+"\n",
		curve(points), e.look.paint().stroke, dash, e.look)
}

// curve leads through points, leaving and reaching each of them vertically.
func curve(points []layout.Point) string {
	var b strings.Builder
	fmt.Fprintf(&b, "M%.1f %.1f", points[0].X, points[0].Y)
	for i := 1; i < len(points); i++ {
		from, to := points[i-1], points[i]
		middle := (from.Y + to.Y) / 2
		fmt.Fprintf(&b, " C%.1f %.1f %.1f %.1f %.1f %.1f", from.X, middle, to.X, middle, to.X, to.Y)
	}
	return b.String()
}

func (n *drawnNode) size() layout.Size {
	width := textWidth(clipTo(n.title, maxShown), titleSize) * 1.06 // it is bold
	for _, line := range n.labels()[1:] {
		width = math.Max(width, textWidth(clipTo(line, maxShown), lineSize))
	}
	for _, line := range n.live { // they may be bold
		width = math.Max(width, textWidth(clipTo(line, maxShown), lineSize)*1.15)
	}
	side := padding
	if n.event {
		side = 1.6 * padding // for the round ends
	}
	return layout.Size{Width: math.Max(width+2*side, 70), Height: lineHeight*float64(len(n.labels())) + 1.2*padding}
}

func (n *drawnNode) svg(b *strings.Builder, at layout.Point) {
	size, p := n.size(), n.look.paint()
	kind, radius := "reaction", 3.0
	if n.event {
		kind, radius = "event", size.Height/2
		radius = math.Min(radius, 18)
	}
	dash := ""
	if n.look == lookUndo {
		dash = ` stroke-dasharray="6 4"`
	}
	class := kind + " " + n.look.String()
	if n.class != "" {
		class += " " + n.class
	}
	if n.address != "" {
		fmt.Fprintf(b, `<a href="%s">`, xmlText(n.address))
	}
	fmt.Fprintf(b, `<g class="%s"><title>%s</title>`, xmlText(class), xmlText(n.inWords()))
	fmt.Fprintf(b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" rx="%.1f" fill="%s" stroke="%s" stroke-width="1.3"%s/>`,
		at.X-size.Width/2, at.Y-size.Height/2, size.Width, size.Height, radius, p.fill, p.stroke, dash)
	y := at.Y - size.Height/2 + 0.6*padding + titleSize - 1
	for i, line := range n.labels() {
		size, weight, colour, mark := lineSize, 400, p.text, ""
		switch {
		case i == 0:
			size, weight = titleSize, 600
		case line == n.note:
			colour = "#5b6472"
		}
		if k := i - 1 - len(n.lines); k >= 0 && k < len(n.live) {
			mark = ` class="live"`
		}
		fmt.Fprintf(b, `<text%s x="%.1f" y="%.1f" text-anchor="middle" font-size="%.0f" font-weight="%d" fill="%s">%s</text>`,
			mark, at.X, y, size, weight, colour, xmlText(clipTo(line, maxShown)))
		y += lineHeight
	}
	b.WriteString("</g>")
	if n.address != "" {
		b.WriteString("</a>")
	}
	b.WriteByte('\n')
}

// inWords tells of a node to those who can't see it.
func (n *drawnNode) inWords() string {
	text := strings.Join(n.labels(), "; ")
	if n.about != "" {
		text += ". " + n.about
	}
	return text
}

// inWords tells the whole drawing.
func (d *drawing) inWords() string {
	var parts []string
	if d.about != "" {
		parts = append(parts, d.about)
	}
	for i := range d.nodes {
		if d.nodes[i].event {
			continue
		}
		var on, emits []string
		for _, e := range d.edges {
			if e.to == i {
				on = append(on, d.nodes[e.from].title)
			}
			if e.from == i {
				emits = append(emits, d.nodes[e.to].title)
			}
		}
		text := d.nodes[i].title
		if len(on) > 0 {
			text += ", on " + strings.Join(on, " or ") + ","
		}
		parts = append(parts, text+" emits "+strings.Join(emits, " or ")+".")
	}
	return strings.Join(parts, " ")
}

// legend says what the looks mean.
func legend(b *strings.Builder, y float64) {
	x := margin
	for _, item := range []struct {
		look look
		text string
	}{
		{lookStart, "begins a flow"}, {lookCompleted, "good outcome"}, {lookFailed, "bad outcome"},
		{lookUndo, "undoes a step"}, {lookSide, "on the side"}, {lookPlain, "box: a service reacts; round: an event"},
	} {
		p, dash := item.look.paint(), ""
		if item.look == lookUndo {
			dash = ` stroke-dasharray="4 3"`
		}
		fmt.Fprintf(b, `<rect x="%.1f" y="%.1f" width="14" height="12" rx="3" fill="%s" stroke="%s"%s/><text x="%.1f" y="%.1f" font-size="11" fill="#475569">%s</text>`+"\n",
			x, y-10, p.fill, p.stroke, dash, x+19, y, item.text)
		x += 19 + textWidth(item.text, lineSize) + 16
	}
}

// textWidth estimates how wide text is, a little generously: no font is known.
func textWidth(s string, size float64) float64 {
	ems := 0.0
	for _, r := range s {
		switch {
		case r >= 0x1100 && !unicode.Is(unicode.Latin, r):
			ems++ // Hangul, Han, kana, symbols
		case strings.ContainsRune("iljtfrI.,:;'|! ", r):
			ems += 0.36
		case strings.ContainsRune("mwMW", r):
			ems += 0.86
		default:
			ems += 0.6
		}
	}
	return ems * size
}

// clipTo shortens s to some characters.
func clipTo(s string, most int) string {
	runes := []rune(strings.ReplaceAll(s, "\n", " "))
	if len(runes) <= most {
		return string(runes)
	}
	return string(runes[:most-1]) + "…"
}

// xmlText escapes text for XML, and leaves out what XML can't have.
func xmlText(s string) string {
	return html.EscapeString(strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' || r == 0xfffe || r == 0xffff || r == unicode.ReplacementChar {
			return ' '
		}
		return r
	}, s))
}
