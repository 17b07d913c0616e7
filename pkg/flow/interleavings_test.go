package flow_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/flow"
)

// TestEveryInterleavingOfTheOrderSystemIsJudgedRight follows every way in which
// the five services can handle an order: canceled at every moment or not,
// declined, out of stock, undeliverable; with events that overtake each other
// and without. Each log is told with mails in between at random, and with each
// of its events once more at each later place (of one log in eight in short).
func TestEveryInterleavingOfTheOrderSystemIsJudgedRight(t *testing.T) {
	for _, fifo := range []bool{true, false} {
		t.Run(fmt.Sprint("fifo=", fifo), func(t *testing.T) {
			told, all := 0, histories(fifo)
			require.Greater(t, len(all), 50)
			random := rand.New(rand.NewPCG(1, 2))
			for n, log := range all {
				for _, w := range []way{{}, {uncaused: true}, {keyed: true}, {uncaused: true, keyed: true}} {
					w.judge(t, log)
					told++
				}
				for range 10 {
					way{mails: random}.judge(t, log)
					told++
				}
				if testing.Short() && n%8 > 0 {
					continue
				}
				for again := range log {
					for after := again; after < len(log); after++ {
						way{again: again + 1, after: after + 1}.judge(t, log)
						told++
					}
				}
			}
			t.Logf("%d logs, told in %d ways", len(all), told)
		})
	}
}

// way is how a history is told.
type way struct {
	uncaused bool // no event says what caused it
	keyed    bool // the flow has no id
	// mails sends mails in between; otherwise all come in the end.
	mails *rand.Rand
	// again is an event that comes once more after another, from 1.
	again, after int
}

// history is a way being told.
type history struct {
	way
	*scenario
	log    []logged
	id     string
	mailed []bool
	events int
}

// judge tells a tracker a history and holds it to what is true of it.
func (w way) judge(t *testing.T, log []logged) {
	h := &history{way: w, scenario: begin(t), log: log, mailed: make([]bool, len(log)), events: len(log)}
	for n, e := range log {
		h.tell(e, n+1)
		if w.after == n+1 {
			h.tell(log[w.again-1], w.again)
		}
		f, _ := h.tracker.Flow("order", h.id)
		switch f.Status {
		case flow.Stalled, flow.Inconsistent, flow.Closed:
			require.Fail(t, "wrong on the way", "%s after %d of %v", f.Status, n+1, log)
		case flow.Completed, flow.Failed:
			require.True(t, over(log, n+1), "%s after %d of %v, though more was to come", f.Status, n+1, log)
		default:
		}
		h.pulse(250 * time.Millisecond)
		for w.mails != nil && w.mails.IntN(2) == 0 {
			h.mail(w.mails.IntN(n + 1))
		}
	}
	for n := range log {
		h.mail(n)
	}
	h.pulse(250 * time.Millisecond)
	require.Zero(t, h.tracker.Live(), "something is left owed: %v", log)
	h.now = h.now.Add(2 * time.Minute)
	for range 40 {
		h.pulse(0)
		h.now = h.now.Add(900 * time.Millisecond)
	}
	f, _ := h.tracker.Flow("order", h.id)
	want := flow.Failed
	if slices.ContainsFunc(log, func(e logged) bool { return e.eventType == "order.shipped" }) {
		want = flow.Completed
	}
	require.Equal(t, want, f.Status, "%v", log)
	for _, tr := range h.said {
		switch {
		case tr.Kind == flow.Overdue, tr.Kind == flow.Deviated && (tr.Deviation != flow.Duplicate || w.again == 0):
			require.Fail(t, "wrong on the way", "%s %s %s %s in %v", tr.Kind, tr.Deviation, tr.Detail, tr.Due.Step, log)
		}
	}
}

func (h *history) tell(e logged, n int) {
	told := &flow.Event{
		Place: h.place(), ID: fmt.Sprint("e", n), Source: emitters[e.eventType], Type: e.eventType, Key: "1042", FlowID: "F1042", Time: h.now,
	}
	if h.keyed {
		told.FlowID = ""
	}
	if e.cause > 0 && !h.uncaused {
		told.CausationID = fmt.Sprint("e", e.cause)
	}
	result := h.tracker.Observe(told)
	require.Len(h.t, result.Entries, 1)
	h.id = result.Entries[0].FlowID
	h.say(result.Transitions)
}

// mail sends the mail about the nth event of the log, once.
func (h *history) mail(n int) {
	if e := h.log[n]; !h.mailed[n] && e.eventType != "order.cancel_requested" && e.eventType != "stock.returned" {
		h.mailed[n] = true
		h.events++
		h.tell(logged{"notification.sent", int8(n + 1)}, h.events)
	}
}

// over tells whether an order is over after n events of its log: whatever comes
// later, only a cancel request that comes later still can cause.
func over(log []logged, n int) bool {
	later := map[int8]bool{}
	for i := n; i < len(log); i++ {
		if log[i].eventType != "order.cancel_requested" && !later[log[i].cause] {
			return false
		}
		later[int8(i+1)] = true
	}
	return true
}
