package choreography_test

import (
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/choreography"
)

// FuzzParse holds Parse to this: whatever it is given, it returns a contract or
// errors that have a place each, and a contract survives being written, checked
// and drawn.
func FuzzParse(f *testing.F) {
	f.Add([]byte(orderText(f)))
	f.Add([]byte(small))
	f.Add([]byte("a: &a [*a]"))
	f.Add([]byte("{choreography: a, starts: s, outcomes: {completed: [x], failed: y}, reactions: [{service: a, on: [s, x], emits: [s, y], within: 1d}, {service: b, on: z, unless: s, emits: x, within: 1s, optional: true}, {service: c, on: y, undoes: s, emits: z, within: 1s, side: true}]}"))
	f.Add([]byte("{choreography: a, starts: [b], idle: 1d, reactions: [{service: c, on: {all: [b]}, emits: d, within: 5s, undoes: x}]}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := choreography.Parse("f", text)
		if err != nil {
			var errs choreography.Errors
			require.ErrorAs(t, err, &errs)
			require.NotEmpty(t, errs)
			for _, e := range errs {
				require.Positive(t, e.Pos.Line)
				require.Positive(t, e.Pos.Column)
				require.NotEmpty(t, e.Message)
				require.NotEmpty(t, e.Hint)
			}
			return
		}
		again, err := choreography.Parse("f", choreography.Marshal(c))
		require.NoError(t, err)
		require.Empty(t, cmp.Diff(c, again, meaning()))
		for _, p := range choreography.Check(c) {
			require.NotEmpty(t, p.Hint)
		}
		choreography.CheckLive([]*choreography.Choreography{c}, faithful(c))
		for _, format := range []choreography.Format{choreography.Mermaid, choreography.DOT} {
			require.NoError(t, choreography.Render(io.Discard, c, format))
		}
		var svg strings.Builder
		if choreography.Render(&svg, c, choreography.SVG) == nil {
			texts(t, svg.String())
		}
	})
}
