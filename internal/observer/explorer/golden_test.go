package explorer_test

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"
)

var update = flag.Bool("update", false, "write what the tests compare with")

// golden compares with a file, or writes it.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err, "make it with go test ./internal/observer/explorer -update")
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (-want +got); where that is meant, look at it in a browser and: go test ./internal/observer/explorer -update\n%s", file, diff)
	}
}

// fragments are the elements of a page such as section.missing.
func fragments(t *testing.T, page string, which ...string) string {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(page))
	require.NoError(t, err)
	var out strings.Builder
	for node := range doc.Descendants() {
		for _, a := range node.Attr {
			if a.Key == "class" && slices.ContainsFunc(strings.Fields(a.Val), func(c string) bool { return slices.Contains(which, node.Data+"."+c) }) {
				require.NoError(t, html.Render(&out, node))
				out.WriteString("\n")
			}
		}
	}
	// A line for each element, so that a difference is seen where it is.
	return strings.NewReplacer("><", ">\n<").Replace(out.String())
}

// TestSentencesAndDiagrams holds what people read first, and the diagram of who
// told whom, to files: an order that ended well, one that waits, one that was
// undone, and one that goes on.
func TestSentencesAndDiagrams(t *testing.T) {
	w := newWorld(t, true, "")
	w.story()
	for id, what := range map[string]string{"F1": "completed", "F2": "stalled", "F3": "undone", "F4": "running"} {
		_, page := w.get("/flows/" + id)
		golden(t, "testdata/"+what+"-sentence.html", fragments(t, page, "p.sentence", "section.missing"))
		if what != "running" { // there is nobody to tell yet
			golden(t, "testdata/"+what+"-diagram.html", fragments(t, page, "svg.sequence"))
		}
	}
	_, page := w.get("/choreographies/order")
	golden(t, "testdata/map.html", fragments(t, page, "div.map"))
}
