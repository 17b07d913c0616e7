package choreography_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/choreography"
)

func render(t testing.TB, c *choreography.Choreography, as choreography.Format) string {
	t.Helper()
	var b strings.Builder
	require.NoError(t, choreography.Render(&b, c, as))
	return b.String()
}

// texts returns the text elements of an SVG, and fails where it is not XML.
func texts(t testing.TB, svg string) (shown []string, elements map[string]int) {
	t.Helper()
	elements = map[string]int{}
	d := xml.NewDecoder(strings.NewReader(svg))
	in := ""
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return shown, elements
		}
		require.NoError(t, err)
		switch v := token.(type) {
		case xml.StartElement:
			in = v.Name.Local
			elements[in]++
		case xml.CharData:
			if in == "text" {
				shown = append(shown, string(v))
			}
		case xml.EndElement:
			in = ""
		}
	}
}

func TestSVGOfTheOrderContract(t *testing.T) {
	c := order(t)
	svg := render(t, c, choreography.SVG)
	shown, elements := texts(t, svg)
	for _, event := range []string{"order.placed", "order.shipped", "refund.processed", "notification.sent"} {
		require.Contains(t, shown, event)
	}
	for _, line := range []string{
		"The choreography order", "outcome: completed", "outcome: failed", "start", "undoes payment.confirmed", "unless order.canceled",
		"within 30s", "heard by order, notification", "heard by inventory, payment", "on any of 10 events", "on the side",
	} {
		require.Contains(t, shown, line)
	}
	require.Equal(t, 13+8+1, elements["g"], "events, reactions that emit, and the drawing")
	require.Equal(t, 13+8+1, elements["title"])
	require.Equal(t, 1, elements["desc"])
	require.Contains(t, svg, `role="img" aria-labelledby="title about"`)
	require.Contains(t, svg, "delivery, on payment.confirmed, emits order.shipped or delivery.failed.")
	require.Equal(t, 2+5+2+1, strings.Count(svg, "stroke-dasharray"), "two boxes, five edges to them, two from them, and the legend")
	require.Equal(t, svg, render(t, c, choreography.SVG), "the same drawing each time")
}

func TestMermaidOfASmallContract(t *testing.T) {
	c := parse(t, strings.Replace(small, "choreography: shop", "choreography: shop\ndescription: Sells \"things\".", 1)+"  - {service: books, on: [ordered, shipped]}\n  - {service: stock, on: rejected, undoes: ordered, emits: freed, within: 2s}\n  - {service: post, on: shipped, emits: mailed, within: 1m, side: true}\n")
	//nolint:dupword // edges name their nodes
	const want = `flowchart TD
  accTitle: The choreography shop
  accDescr: Sells #34;things#34;.
  n0(["ordered<br/>start<br/>heard by books"]):::start
  n1(["shipped<br/>outcome#58; completed<br/>heard by books"]):::completed
  n2(["rejected<br/>outcome#58; failed"]):::failed
  n3(["freed"]):::plain
  n4(["mailed"]):::side
  n5["web<br/>unprompted"]:::plain
  n6["stock<br/>within 1d12h"]:::plain
  n7["stock<br/>undoes ordered<br/>within 2s"]:::undo
  n8["post<br/>on the side<br/>within 1m"]:::side
  n5 --> n0
  n0 --> n6
  n6 --> n1
  n6 --> n2
  n2 -.-> n7
  n7 -.-> n3
  n1 --> n8
  n8 --> n4
  linkStyle 6,7 stroke:#9ca3af
`
	require.Equal(t, want, regexp.MustCompile(`(?m)^ +classDef .*\n`).ReplaceAllString(render(t, c, choreography.Mermaid), ""))
}

func TestDOT(t *testing.T) {
	dot := render(t, order(t), choreography.DOT)
	require.True(t, strings.HasPrefix(dot, "digraph \"The choreography order\" {\n"))
	require.Contains(t, dot, `[label="order.shipped\noutcome: completed\nheard by order, notification", tooltip="The parcel left."`)
	require.Contains(t, dot, "style=dashed")
	require.Equal(t, strings.Count(dot, "{"), strings.Count(dot, "}"))
}

// TestALongDrawingSaysAtItsTopWhatItsLooksMean, and a short one at its foot only.
func TestALongDrawingSaysAtItsTopWhatItsLooksMean(t *testing.T) {
	text := "choreography: a\nstarts: x0\nreactions:\n"
	for i := range 40 {
		text += fmt.Sprintf("  - {service: a, on: x%d, emits: x%d, within: 1s}\n", i, i+1)
	}
	require.Equal(t, 2, strings.Count(render(t, parse(t, text), choreography.SVG), ">begins a flow<"))
	require.Equal(t, 1, strings.Count(render(t, order(t), choreography.SVG), ">begins a flow<"))
}

// TestHostileNamesAreEscaped has names that would be markup.
func TestHostileNamesAreEscaped(t *testing.T) {
	c := &choreography.Choreography{
		Name: `a"]; <b>`, Description: "</desc><script>alert(1)</script>", Starts: []string{`<script>alert("x")</script>`},
		Outcomes: choreography.Outcomes{Completed: []string{`"]:::x; click n0 href "javascript:alert(1)"`, "\x00\x1b\ufffe\xff"}},
		Reactions: []choreography.Reaction{{
			Services: []string{`\" -> evil [URL="x"]`}, On: choreography.Trigger{Any: []string{`<script>alert("x")</script>`}},
			Emits: []string{`"]:::x; click n0 href "javascript:alert(1)"`, "\\N\\", strings.Repeat("]]>", 99)}, Within: 1,
		}},
		Events: map[string]string{"\\N\\": "\"\n\\"},
	}
	svg := render(t, c, choreography.SVG)
	_, elements := texts(t, svg)
	require.Zero(t, elements["script"])
	mermaid := render(t, c, choreography.Mermaid)
	require.NotContains(t, mermaid, "<script")
	for line := range strings.Lines(mermaid) {
		require.Contains(t, []int{0, 2}, strings.Count(line, `"`), "a label ends where it should: %s", line)
	}
	dot := render(t, c, choreography.DOT)
	for line := range strings.Lines(dot) {
		outside := regexp.MustCompile(`"(\\.|[^"\\])*"`).ReplaceAllString(line, "")
		require.NotContains(t, outside, `"`, "strings end where they should: %s", line)
		require.NotContains(t, outside, "evil", line)
	}
}

func TestRenderRefuses(t *testing.T) {
	require.ErrorContains(t, choreography.Render(io.Discard, order(t), "png"), `there is no format "png"`)
	var text strings.Builder
	text.WriteString("choreography: a\nstarts: s\nreactions:\n")
	for i := range 600 {
		fmt.Fprintf(&text, "  - {service: a, on: s, emits: x%d, within: 1s}\n", i)
	}
	require.ErrorContains(t, choreography.Render(io.Discard, parse(t, text.String()), choreography.SVG), "too many for one drawing")
}
