package ledger_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/ledger"
	"github.com/laban-io/laban/pkg/flow"
)

// TestActivityIsCountedInParts: flows begin a minute apart, and end half a
// second later.
func TestActivityIsCountedInParts(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		l := open(t, url)
		shop(t, l)
		a, err := l.Activity(t.Context(), []string{"order", "return"}, after(2*time.Minute), time.Minute, 4)
		require.NoError(t, err)
		require.Equal(t, ledger.Activity{
			From: after(2 * time.Minute), Part: time.Minute,
			// Orders 2 to 5 began; of these 2 and 4 have ended.
			Started: []int{1, 1, 1, 1}, Ended: []int{1, 0, 1, 0}, Stalled: []int{0, 0, 0, 0},
		}, a)

		w := takeOver(t, l)
		var b ledger.Batch
		for _, at := range []time.Duration{2*time.Minute - 1, 2 * time.Minute, 3*time.Minute - 1, 5*time.Minute + 59*time.Second, 6 * time.Minute} {
			b.Transitions = append(b.Transitions, flow.Transition{Kind: flow.Overdue, Choreography: "order", FlowID: "x", At: after(at), Offset: 300})
		}
		b.Transitions = append(b.Transitions, flow.Transition{Kind: flow.Overdue, Choreography: "unasked", FlowID: "x", At: after(3 * time.Minute), Offset: 300})
		w.commit(t, &b, 301)
		a, err = l.Activity(t.Context(), []string{"order", "return"}, after(2*time.Minute), time.Minute, 4)
		require.NoError(t, err)
		require.Equal(t, []int{2, 0, 0, 1}, a.Stalled)

		a, err = l.Activity(t.Context(), nil, after(time.Hour), time.Minute, 2)
		require.NoError(t, err)
		require.Equal(t, []int{0, 0}, a.Started)
	})
}

func TestWhatIsOwedIsCounted(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		l := open(t, url)
		shop(t, l)
		owed, err := l.Owed(t.Context(), "order", []string{"payment", "delivery", "nobody"})
		require.NoError(t, err)
		require.Equal(t, []ledger.Owed{
			{Step: "payment.confirmed|payment.rejected", Service: "payment", Open: 3, Overdue: 2},
			{Step: "order.shipped|delivery.failed", Service: "delivery", Open: 1},
		}, owed)
		owed, err = l.Owed(t.Context(), "return", []string{"payment"})
		require.NoError(t, err)
		require.Empty(t, owed)
	})
}

// TestParkedMessagesSayHowTheirFlowStands: the newest come first, whether their
// flow is known or not.
func TestParkedMessagesSayHowTheirFlowStands(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		l := open(t, url)
		shop(t, l)
		w := takeOver(t, l)
		var b ledger.Batch
		fail := func(kind ledger.FailureKind, flowID, eventID string, at time.Duration) ledger.Failure {
			f := ledger.Failure{
				Kind: kind, Choreography: "order", FlowID: flowID, EventID: eventID, Type: "stock.confirmed", Service: "payment",
				Attempt: 5, Of: 5, Error: "the gateway said no", Offset: 300 + uint64(at/time.Minute), LogTime: after(at),
			}
			b.Failures = append(b.Failures, f)
			return f
		}
		stalled := fail(ledger.Parked, order{n: 3}.id(), "a", 4*time.Minute)
		fail(ledger.Retried, order{n: 3}.id(), "a", 5*time.Minute)
		strange := fail(ledger.Parked, "none", "b", 6*time.Minute)
		w.commit(t, &b, 400)

		parked, err := l.Parked(t.Context(), 10)
		require.NoError(t, err)
		require.Equal(t, []ledger.ParkedMessage{
			{Failure: strange},
			{Failure: stalled, Key: "order-3", Status: flow.Stalled, Updated: after(3*time.Minute + spacing), Known: true},
		}, parked)
		parked, err = l.Parked(t.Context(), 1)
		require.NoError(t, err)
		require.Len(t, parked, 1)
		require.Equal(t, "b", parked[0].EventID)

		b.Reset()
		fail(ledger.Unrouted, order{n: 3}.id(), "c", 7*time.Minute)
		w.commit(t, &b, 401)
		missed, err := l.Missed(t.Context())
		require.NoError(t, err)
		require.Equal(t, map[string]bool{"c": true}, missed)
	})
}

func TestWhatPeopleDidAboutMessages(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		w := takeOver(t, open(t, url))
		var b ledger.Batch
		act := func(action, event string, at time.Duration) ledger.Action {
			a := ledger.Action{
				At: after(at), Action: action, Actor: "ann", Choreography: "order", FlowID: order{n: 1}.id(), Service: "payment", EventID: event,
				Reason: "mended", Offset: uint64(at / time.Second), Logged: true,
			}
			b.Actions = append(b.Actions, a)
			return a
		}
		first, _, last := act("redriven", "a", time.Second), act("closed", "", 2*time.Second), act("discarded", "b", 3*time.Second)
		w.commit(t, &b, 10)
		acted, err := w.Acted(t.Context(), 10)
		require.NoError(t, err)
		require.Equal(t, []ledger.Action{last, first}, acted)
		acted, err = w.Acted(t.Context(), 1)
		require.NoError(t, err)
		require.Equal(t, []ledger.Action{last}, acted)
	})
}

func TestHowFlowsStand(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		l := open(t, url)
		shop(t, l)
		ids := []string{order{n: 3}.id(), order{n: 4}.id(), "none", "a\x00b"}
		for n := range 1200 {
			ids = append(ids, order{n: 1000 + n}.id())
		}
		ids = append(ids, order{n: 9}.id()) // in the last chunk
		stands, err := l.Standing(t.Context(), "order", ids)
		require.NoError(t, err)
		require.Equal(t, map[string]flow.Status{
			order{n: 3}.id(): flow.Stalled, order{n: 4}.id(): flow.Completed, order{n: 9}.id(): flow.Closed,
		}, stands)
	})
}
