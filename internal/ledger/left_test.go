package ledger_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/ledger"
)

func TestHowLongItTakesFromAnEventToTheEnd(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		w := takeOver(t, open(t, url))
		var b ledger.Batch
		// The third is not completed, so it says nothing.
		for n, events := range []int{8, 6, 5} {
			order{n: n, events: events, begin: after(time.Duration(n) * time.Minute), first: uint64(1 + 10*n)}.whole(&b)
		}
		w.commit(t, &b, 100)

		left := func(choreography, eventType string, flows int) []time.Duration {
			t.Helper()
			all, err := w.Left(context.Background(), choreography, eventType, flows)
			require.NoError(t, err)
			return all
		}
		// Events count from when they were published, 3 ns after the pulse. The
		// last of two counts: of the first order that one came after the end.
		require.Equal(t, []time.Duration{2*spacing - 3, 2*spacing - 3}, left("order", "payment.confirmed", 10))
		require.Len(t, left("order", "payment.confirmed", 1), 1)
		require.Equal(t, []time.Duration{0, spacing - 3}, left("order", "notification.sent", 10))
		require.Empty(t, left("order", "order.lost", 10))
		require.Empty(t, left("other", "payment.confirmed", 10))
	})
}
