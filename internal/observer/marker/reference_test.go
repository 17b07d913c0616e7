package marker_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/observer/marker"
)

func TestEveryMarkerIsInTheReference(t *testing.T) {
	text, err := os.ReadFile("../../../docs/reference/telemetry.md")
	require.NoError(t, err)
	_, chapter, found := strings.Cut(string(text), "\n## Markers of the observer\n")
	require.True(t, found)
	chapter, _, _ = strings.Cut(chapter, "\n## ")
	table, rest, _ := strings.Cut(chapter, "### Attributes of markers")
	documented := func(text string) map[string]bool {
		names := map[string]bool{}
		for _, row := range regexp.MustCompile("(?m)^\\| (`[^|]+) \\|").FindAllStringSubmatch(text, -1) {
			for name := range strings.SplitSeq(row[1], ", ") {
				names[strings.Trim(name, "`")] = true
			}
		}
		return names
	}
	names, attributes := map[string]bool{}, map[string]bool{}
	for _, tr := range transitions() {
		m, ok := marker.From(&tr)
		require.True(t, ok)
		_, span := decode(t, m.Data)
		name, _, step := strings.Cut(span.GetName(), ": ")
		if step {
			name += ": {step}"
		}
		names[name] = true
		for _, a := range span.GetAttributes() {
			attributes[a.GetKey()] = true
		}
	}
	require.Equal(t, names, documented(table))
	require.Equal(t, attributes, documented(rest))
}
