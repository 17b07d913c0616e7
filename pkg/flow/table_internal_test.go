package flow

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestATableHasWhatWasPut holds a table to what a map has after any changes, also
// where many hashes have one home.
func TestATableHasWhatWasPut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var x table
		has := map[*instance]uint64{}
		var all []*instance
		for range rapid.IntRange(0, 200).Draw(t, "steps") {
			if len(all) > 0 && rapid.Bool().Draw(t, "remove") {
				at := rapid.IntRange(0, len(all)-1).Draw(t, "which")
				x.remove(has[all[at]], all[at])
				delete(has, all[at])
				all = append(all[:at], all[at+1:]...)
			} else {
				f := &instance{}
				hash := rapid.Uint64Range(0, 5).Draw(t, "hash") << 61
				x.put(hash, f)
				has[f], all = hash, append(all, f)
			}
			require.Equal(t, len(has), x.used)
			for f, hash := range has {
				require.Equal(t, slot{hash: hash, f: f}, x.slots[x.find(hash, f)])
				// Nothing that is free lies between a flow and its home, where a
				// look-up would end.
				for i := x.home(hash); x.slots[i].f != f; i = x.after(i) {
					require.NotNil(t, x.slots[i].f)
				}
			}
		}
	})
}
