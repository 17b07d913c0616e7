package ledger_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/ledger"
)

// TestWhatTheLedgerHasOfAStretchOfTheLog: each record of it by its offset and the
// event that it is about, and nothing of another offset or event.
func TestWhatTheLedgerHasOfAStretchOfTheLog(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		w := takeOver(t, open(t, url))
		var b ledger.Batch
		o := order{n: 1, events: 8, begin: start(), first: 10}
		o.whole(&b)
		odd := strings.Repeat("x", 600) + "\x00"
		b.Failures = []ledger.Failure{{Kind: ledger.Parked, EventID: odd, Offset: 20}}
		b.Actions = []ledger.Action{
			{Action: "closed", Choreography: "order", FlowID: o.id(), Offset: 21, Logged: true},
			{Action: "redriven", EventID: "e", Offset: 22, Logged: true},
		}
		w.commit(t, &b, 30)

		noted, err := w.Noted(t.Context(), 12, 22)
		require.NoError(t, err)
		require.Len(t, noted, 8)
		require.True(t, noted.Has(12, o.id()+"-3"))
		require.True(t, noted.Has(17, o.id()+"-8"))
		require.True(t, noted.Has(20, odd))
		require.True(t, noted.Has(21, ""))
		for offset, id := range map[uint64]string{11: o.id() + "-2", 13: o.id() + "-3", 22: "e", 20: "y"} {
			require.False(t, noted.Has(offset, id), "%d %s", offset, id)
		}

		// And of a batch that it does not have yet.
		b.Reset()
		order{n: 2, events: 1, begin: start(), first: 40}.whole(&b)
		b.Actions = []ledger.Action{{Action: "closed", Offset: 41, Logged: true}, {Action: "exported", Offset: 42}}
		noted.Add(&b)
		require.True(t, noted.Has(40, order{n: 2}.id()+"-1"))
		require.True(t, noted.Has(41, ""))
		require.False(t, noted.Has(42, ""))
	})
}
