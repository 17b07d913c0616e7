package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/observer"
	"github.com/laban-io/laban/internal/observer/api"
	"github.com/laban-io/laban/internal/observer/observertest"
	"github.com/laban-io/laban/pkg/flow"
)

// serve returns an API over the world, after all of it is in the ledger.
func (w *world) serve(change ...func(*api.Config)) *api.API {
	w.t.Helper()
	w.Commit()
	cfg := api.Config{Reader: w.Ledger, Observer: w}
	for _, c := range change {
		c(&cfg)
	}
	a, err := api.New(cfg)
	require.NoError(w.t, err)
	return a
}

// get asks an API as somebody on its own host does.
func get(t testing.TB, a http.Handler, address string) *httptest.ResponseRecorder {
	t.Helper()
	return ask(t, a, httptest.NewRequest(http.MethodGet, address, http.NoBody))
}

func ask(t testing.TB, a http.Handler, r *http.Request) *httptest.ResponseRecorder {
	t.Helper()
	if r.Host == "example.com" { // httptest's default
		r.Host = "127.0.0.1:7070"
	}
	if r.RemoteAddr == "192.0.2.1:1234" { // likewise
		r.RemoteAddr = "127.0.0.1:50000"
	}
	answer := httptest.NewRecorder()
	a.ServeHTTP(answer, r.WithContext(context.Background()))
	return answer
}

func where(t testing.TB, a http.Handler, key string) api.Where {
	t.Helper()
	answer := get(t, a, "/api/v1/where?key="+url.QueryEscape(key))
	require.Equal(t, http.StatusOK, answer.Code, "%s", answer.Body)
	var found api.Where
	require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &found))
	return found
}

func TestOneSentenceSaysWhereAFlowIs(t *testing.T) {
	for name, test := range map[string]struct {
		happened func(w *world)
		want     string
	}{
		"running": {
			func(w *world) { w.Chain("1042", "order.placed", "stock.confirmed") },
			"Order 1042 is with payment since 14:02:00 UTC; payment has until 14:02:10 to emit payment.confirmed or payment.rejected.",
		},
		"running, and others have shown how long it takes": {
			func(w *world) {
				w.Completed(20)
				w.Chain("1042", "order.placed", "stock.confirmed", "payment.confirmed")
			},
			"Order 1042 is with delivery since 14:02:41 UTC; it should be done by 14:02:41 (95 % are by then).",
		},
		"running, slower than others": {
			func(w *world) {
				w.Completed(20)
				w.Chain("1042", "order.placed", "stock.confirmed", "payment.confirmed")
				w.Pulse(2 * time.Second)
			},
			"Order 1042 is with delivery since 14:02:41 UTC; it should have been done by 14:02:41 (95 % are by then), and delivery has until 14:03:11 to emit order.shipped or delivery.failed.",
		},
		"running, two have to react": {
			func(w *world) {
				w.Chain("1042", "order.placed")
				w.Event("1042", "order.cancel_requested", "")
				w.Pulse(time.Second)
			},
			"Order 1042 is with inventory and delivery since 14:02:00 UTC; inventory has until 14:02:05 to emit stock.confirmed or stock.rejected.",
		},
		"stalled, nobody consumes": {
			func(w *world) {
				w.Chain("1042", "order.placed", "stock.confirmed")
				w.Queue("payment", 3, -1, 0)
				w.Pulse(22 * time.Second)
			},
			"Order 1042 waits for payment to emit payment.confirmed or payment.rejected since 14:02:00 UTC (12 s overdue), because nobody consumes the queue payment; 3 messages wait.",
		},
		"stalled, a backlog": {
			func(w *world) {
				w.Chain("1042", "order.placed", "stock.confirmed")
				w.Queue("payment", 300, 10, 2)
				w.Pulse(3 * time.Minute)
			},
			"Order 1042 waits for payment to emit payment.confirmed or payment.rejected since 14:02:00 UTC (2 min overdue), most likely because 300 messages wait in the queue payment, which has 2 consumers; notification still owes it notification.sent (2 min overdue) and 1 more.",
		},
		"stalled, nothing is known": {
			func(w *world) {
				w.Chain("1042", "order.placed", "stock.confirmed")
				w.Pulse(12 * time.Second)
			},
			"Order 1042 waits for payment to emit payment.confirmed or payment.rejected since 14:02:00 UTC (2.2 s overdue), and it is not known why: nothing is known of the queue of payment.",
		},
		"stalled, the message is parked": {
			func(w *world) {
				last := w.Chain("1042", "order.placed", "stock.confirmed")
				w.Fail(flow.Failure{EventID: last, Type: "stock.confirmed", FlowID: "F1042", Key: "1042", Service: "payment", Parked: true, Attempt: 5, Error: "no such account"})
				w.Pulse(12 * time.Second)
			},
			"Order 1042 waits for payment to emit payment.confirmed or payment.rejected since 14:02:00 UTC (2.2 s overdue), because payment gave up on stock.confirmed after 5 attempts: no such account.",
		},
		"stalled, delivered as far as one can see": {
			func(w *world) {
				w.Chain("1042", "order.placed", "stock.confirmed")
				w.Queue("payment", 0, -1, 1)
				w.Pulse(12 * time.Second)
			},
			"Order 1042 waits for payment to emit payment.confirmed or payment.rejected since 14:02:00 UTC (2.2 s overdue), perhaps because the queue payment is empty, so the message was delivered or never came to it; whether it was settled is not known without the broker's management API.",
		},
		"stalled since yesterday, by two": {
			func(w *world) {
				w.Chain("1042", "order.placed")
				w.Event("1042", "order.cancel_requested", "")
				w.Pulse(20 * time.Second)
				w.Advance(26 * time.Hour)
				w.Pulse(0)
			},
			"Order 1042 waits for inventory to emit stock.confirmed or stock.rejected since 2026-01-02 14:02:00 UTC (26 h overdue), and it is not known why: nothing is known of the queue of inventory; it also waits for delivery to emit order.canceled or order.cancel_refused (26 h overdue).",
		},
		"a dead end": {
			func(w *world) {
				w.rules("choreography: order\nstarts: [order.placed]\noutcomes: {completed: [order.shipped]}\nidle: 5s\n" +
					"reactions:\n  - {service: order, emits: [order.placed, order.shipped]}\n")
				w.Chain("1042", "order.placed")
				w.Pulse(12 * time.Second)
			},
			"Order 1042 came to a dead end: no outcome is known, nobody owes it anything, and nothing has happened since 14:02:00 UTC (7.2 s overdue); its last event was order.placed.",
		},
		"nobody owes it anything": {
			func(w *world) {
				w.rules("choreography: order\nstarts: [order.placed]\noutcomes: {completed: [order.shipped]}\nidle: 5s\n" +
					"reactions:\n  - {service: order, emits: [order.placed, order.shipped]}\n")
				w.Chain("1042", "order.placed")
			},
			"Order 1042 goes on, and nobody owes it anything; its last event was order.placed at 14:02:00 UTC.",
		},
		"compensating": {
			func(w *world) { w.Chain("1042", "order.placed", "stock.confirmed", "payment.rejected") },
			"Order 1042 failed with payment.rejected, and inventory has until 14:02:06 UTC to emit stock.returned.",
		},
		"compensating, two have to undo": {
			func(w *world) {
				w.Chain("1042", "order.placed", "stock.confirmed", "payment.confirmed", "delivery.failed")
			},
			"Order 1042 failed with delivery.failed, and inventory has until 14:02:06 UTC to emit stock.returned; payment has until 14:02:11 to emit refund.processed.",
		},
		"compensating too slowly": {
			func(w *world) {
				w.Chain("1042", "order.placed", "stock.confirmed", "payment.confirmed", "delivery.failed")
				w.Pulse(7 * time.Second)
			},
			"Order 1042 failed with delivery.failed and waits for inventory to emit stock.returned since 14:02:01 UTC (2.2 s overdue), and it is not known why: nothing is known of the queue of inventory.",
		},
		"completed": {
			func(w *world) {
				w.Chain("1042", "order.placed", "stock.confirmed", "payment.confirmed", "order.shipped")
			},
			"Order 1042 completed at 14:02:01 UTC with order.shipped, 1.5 s after it began.",
		},
		"completed, but somebody has not been told": {
			func(w *world) {
				w.Chain("1042", "order.placed", "stock.confirmed", "payment.confirmed", "order.shipped")
				w.Pulse(70 * time.Second)
			},
			"Order 1042 completed at 14:02:01 UTC with order.shipped, 1.5 s after it began; notification still owes it notification.sent (11 s overdue) and 3 more.",
		},
		"failed, and undone": {
			func(w *world) {
				w.Chain("1042", "order.placed", "stock.confirmed", "payment.rejected", "stock.returned")
			},
			"Order 1042 failed at 14:02:01 UTC with payment.rejected, 1.5 s after it began; all that had been done was undone (stock.returned).",
		},
		"failed at once": {
			func(w *world) { w.Chain("1042", "order.placed", "stock.rejected") },
			"Order 1042 failed at 14:02:00 UTC with stock.rejected, 500 ms after it began; nothing had to be undone.",
		},
		"inconsistent, good and bad": {
			func(w *world) {
				w.Chain("1042", "order.placed", "stock.confirmed", "payment.confirmed", "order.shipped")
				w.Event("1042", "delivery.failed", "")
				w.Pulse(time.Second)
			},
			"Order 1042 is inconsistent: it has good and bad outcomes, order.shipped and delivery.failed; inventory has until 14:02:07 UTC to emit stock.returned; payment has until 14:02:12 to emit refund.processed.",
		},
		"inconsistent, a surplus": {
			func(w *world) {
				w.Chain("1042", "order.placed", "stock.confirmed", "payment.rejected", "stock.returned")
				w.Event("1042", "stock.returned", "")
				w.Pulse(20 * time.Second)
			},
			"Order 1042 is inconsistent: nothing explains stock.returned.",
		},
		"unknown": {
			func(w *world) { w.Chain("1042", "stock.confirmed") },
			"Nothing is claimed of order 1042: its start was not seen; its last event was stock.confirmed at 14:02:00 UTC.",
		},
		"unknown since a gap": {
			func(w *world) {
				w.Chain("1042", "order.placed")
				w.Took(w.Tracker.Gap(&flow.Gap{Place: w.Place()}))
				w.Pulse(time.Second)
			},
			"Nothing is claimed of order 1042: a gap in the log touches it; its last event was order.placed at 14:02:00 UTC.",
		},
		"closed": {
			func(w *world) {
				w.Chain("1042", "order.placed")
				w.Pulse(10 * time.Second)
				w.Shut("1042", "refunded by hand, ticket 4711.", "ann")
			},
			"Order 1042 was closed at 14:02:10 UTC by ann: refunded by hand, ticket 4711.",
		},
		"two with one key": {
			func(w *world) {
				w.Chain("1042", "order.placed", "stock.rejected")
				other := func(e *flow.Event) { e.FlowID = "G1042" }
				w.Event("1042", "order.placed", "", other)
				w.Pulse(time.Second)
			},
			"Order 1042 is with inventory since 14:02:01 UTC; inventory has until 14:02:06 to emit stock.confirmed or stock.rejected. 1 more flow has this key: order F1042 (failed).",
		},
		"three with one key, all over": {
			func(w *world) {
				for _, id := range []string{"A", "B", "C"} {
					w.Event("1042", "order.placed", "", func(e *flow.Event) { e.FlowID = id })
					w.Event("1042", "stock.rejected", "", func(e *flow.Event) { e.FlowID = id })
					w.Pulse(time.Minute)
				}
			},
			"Order 1042 failed at 14:04:00 UTC with stock.rejected, 0 ms after it began; nothing had to be undone. 2 more flows have this key: order B (failed), order A (failed).",
		},
		"no such flow": {
			func(w *world) { w.Chain("1043", "order.placed") },
			"No flow with the key 1042 is known. Check that it is the key, which is the event's subject, without a slip; that it is a flow of order; and that it began where the log is read, which it is up to 14:02:00 UTC, and not so long ago that it is no longer kept.",
		},
		"blind": {
			func(w *world) {
				w.Chain("1042", "order.placed")
				w.Set(func(s *observer.Status) {
					s.Blind, s.BlindSince, s.BlindDetail = observer.Unreachable, observertest.Began().Add(time.Second), "connection refused"
				})
			},
			"The observer is blind since 14:02:01 UTC (unreachable: connection refused), so this is how it stood at 14:02:00. Order 1042 is with inventory since 14:02:00; inventory has until 14:02:05 to emit stock.confirmed or stock.rejected.",
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			test.happened(w)
			require.Equal(t, test.want, where(t, w.serve(), "1042").Sentence)
		})
	}
}

func TestWhenAFlowShouldBeDone(t *testing.T) {
	for orders, want := range map[int]time.Duration{
		19: 0,                       // too few to say
		20: 1900 * time.Millisecond, // 95 % of them took no longer
	} {
		w := newWorld(t)
		for n := range orders {
			key := fmt.Sprintf("old-%d", n)
			last := w.Chain(key, "order.placed", "stock.confirmed")
			last = w.Event(key, "payment.confirmed", last)
			w.Pulse(time.Duration(n+1) * 100 * time.Millisecond)
			w.Event(key, "order.shipped", last)
			w.Pulse(250 * time.Millisecond)
		}
		last := w.Chain("1042", "order.placed", "stock.confirmed")
		at := w.Now()
		w.Event("1042", "payment.confirmed", last)
		w.Pulse(250 * time.Millisecond)
		found := where(t, w.serve(), "1042")
		if want == 0 {
			require.Zero(t, found.ExpectedBy)
			continue
		}
		require.Equal(t, want, found.ExpectedBy.Sub(at))
	}
}
