package choreography_test

import (
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
			}
			return
		}
		again, err := choreography.Parse("f", choreography.Marshal(c))
		require.NoError(t, err)
		require.Empty(t, cmp.Diff(c, again, meaning()))
	})
}
