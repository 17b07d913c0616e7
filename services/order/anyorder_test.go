package order

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/services/internal/servicetest"
)

// replies are the events of the other services in a history; what the customer
// asks for is not among them.
func replies(orderID, history string) (all []event.Event, canceled bool) {
	for _, f := range strings.Fields(history) {
		if f == "CR" {
			canceled = true
			continue
		}
		all = append(all, servicetest.Event("others", short[f], orderID, map[string]any{
			"order_id": orderID, "reason": "because of " + f, "amount": 3748, "tracking_number": "PX-" + f, "refund_id": "rf",
		}))
	}
	return all, canceled
}

// TestAnyOrderAnyRepetitionAnyCrash feeds an order with the facts of one history
// in any order and repetition, on several goroutines, with transactions that
// fail before or after their commit. The end is that of the set.
func TestAnyOrderAnyRepetitionAnyCrash(t *testing.T) {
	servicetest.EachDatabase(t, func(t *testing.T, url string) {
		b := newBench(t, url)
		rapid.Check(t, func(t *rapid.T) {
			history := rapid.SampledFrom(histories).Draw(t, "history")
			b.Faults.Plan(servicetest.DrawPlan(t)...)
			o := b.place(t)
			events, canceled := replies(o.ID, history)
			if canceled {
				for range rapid.IntRange(1, 3).Draw(t, "cancel requests") {
					a := b.call(t, http.MethodPost, "/orders/"+o.ID+"/cancel", "", map[string]any{})
					require.Equal(t, http.StatusAccepted, a.status, "%s", a.body)
				}
			}
			sequence := servicetest.DrawSequence(t, events)
			goroutines := rapid.IntRange(1, 4).Draw(t, "goroutines")
			b.HandleAll(t, goroutines, sequence...)
			b.Faults.Plan()

			requireEnd(t, b, o, history, events, canceled)
		})
	})
}

// requireEnd checks everything that is to hold of an order whose history is
// complete.
func requireEnd(t require.TestingT, b *bench, o Order, history string, events []event.Event, canceled bool) {
	got := b.get(t, o.ID)
	facts := strings.Fields(history)
	slices.Sort(facts)
	require.Equal(t, statusTable[strings.Join(facts, " ")], got.Status)

	want := []string{orderPlaced}
	if canceled {
		want = append(want, orderCancelRequested)
	}
	for _, e := range events {
		want = append(want, e.Type)
	}
	require.ElementsMatch(t, want, types(got), "each fact once")
	require.Equal(t, slices.Contains(facts, "ST"), got.Compensations.StockReturnedAt != nil)
	require.Equal(t, slices.Contains(facts, "RF"), got.Compensations.RefundedAmount == 3748)

	emitted := map[string]int{orderPlaced: 1}
	if canceled {
		emitted[orderCancelRequested] = 1
	}
	require.Equal(t, emitted, b.EmittedTypes(t, o.ID), "each event once")

	// The list is kept beside the facts, and says the same.
	var page listed
	a := b.call(t, http.MethodGet, "/orders?limit=100&status="+string(got.Status), "", nil)
	require.NoError(t, json.Unmarshal(a.body, &page))
	require.Contains(t, ids(page.Orders), o.ID)
}

// TestEveryPermutation takes every history through every order of arrival, one
// event at a time: at each moment the status is that of the set known so far.
func TestEveryPermutation(t *testing.T) {
	b := newBench(t, "sqlite::memory:")
	for _, history := range histories {
		template, _ := replies("", history)
		for order := range servicetest.Permutations(template) {
			o := b.place(t)
			events, canceled := replies(o.ID, history)
			known := []fact{{eventType: orderPlaced}}
			if canceled {
				b.call(t, http.MethodPost, "/orders/"+o.ID+"/cancel", "", map[string]any{})
				known = append(known, fact{eventType: orderCancelRequested})
			}
			for _, next := range order {
				i := slices.IndexFunc(events, func(e event.Event) bool { return e.Type == next.Type })
				b.Handle(t, events[i])
				known = append(known, fact{eventType: next.Type})
				require.Equal(t, statusOf(known), b.get(t, o.ID).Status)
			}
			requireEnd(t, b, o, history, events, canceled)
		}
	}
}

// TestCancelAtEveryMoment lets the customer ask while the facts of an order
// that nobody meant to cancel arrive. Whatever the moment, the request is
// either taken or refused with the order's status, and is published at most
// once.
func TestCancelAtEveryMoment(t *testing.T) {
	servicetest.EachDatabase(t, func(t *testing.T, url string) {
		b := newBench(t, url)
		rapid.Check(t, func(t *rapid.T) {
			history := rapid.SampledFrom([]string{"SH", "SR", "PR ST", "DF ST RF"}).Draw(t, "history")
			o := b.place(t)
			events, _ := replies(o.ID, history)
			sequence := servicetest.DrawSequence(t, events)
			asks := rapid.IntRange(1, 3).Draw(t, "asks")

			answers := make([]answer, asks)
			var all sync.WaitGroup
			for i := range asks {
				all.Go(func() {
					answers[i] = b.call(&quietly{}, http.MethodPost, "/orders/"+o.ID+"/cancel", "", map[string]any{})
				})
			}
			b.HandleAll(t, 2, sequence...)
			all.Wait()

			taken := false
			for _, a := range answers {
				require.Contains(t, []int{http.StatusAccepted, http.StatusConflict}, a.status, "%s", a.body)
				taken = taken || a.status == http.StatusAccepted
			}
			got := b.get(t, o.ID)
			require.Equal(t, taken, got.Cancel != nil)
			require.Equal(t, taken, b.EmittedTypes(t, o.ID)[orderCancelRequested] == 1)
			if history == "SH" || strings.HasPrefix(history, "DF") {
				require.True(t, got.Status.Ended(), "a request to cancel does not hide that it ended")
			}
		})
	})
}

func TestFactsOfUnknownOrdersAreRemembered(t *testing.T) {
	b := newBench(t, "sqlite::memory:")
	id := event.NewID()
	events, _ := replies(id, "SH")
	b.HandleAll(t, 1, append(events, events...)...)
	a := b.call(t, http.MethodGet, "/orders/"+id, "", nil)
	require.Equal(t, http.StatusNotFound, a.status)
	require.Contains(t, b.Dump(t), "order_facts| "+id)
	require.Contains(t, b.Log(), "not known here")
}

// TestHostileEvents: what can be attributed to no order is parked; what else an
// event says is cut to what may be stored and shown.
func TestHostileEvents(t *testing.T) {
	servicetest.EachDatabase(t, func(t *testing.T, url string) {
		b := newBench(t, url)
		for name, data := range map[string]any{
			"no data":            nil,
			"no JSON":            json.RawMessage(`{"order_id"`),
			"no object":          []int{1},
			"no order":           map[string]any{"reason": "x"},
			"order is a number":  map[string]any{"order_id": 1042},
			"order too long":     map[string]any{"order_id": strings.Repeat("x", 256)},
			"order with a NUL":   map[string]any{"order_id": "a\x00b"},
			"amount is a string": map[string]any{"order_id": "a", "amount": "12"},
		} {
			e := servicetest.Event("others", refundProcessed, "s", nil)
			switch d := data.(type) {
			case json.RawMessage:
				e.Data = d
			case nil:
			default:
				var err error
				e.Data, err = json.Marshal(d)
				require.NoError(t, err)
			}
			require.Equal(t, bus.Park, b.Deliver(t.Context(), e).Action, name)
		}

		o := b.place(t)
		b.Handle(t, servicetest.Event("others", stockRejected, o.ID, map[string]any{
			"order_id": o.ID, "reason": "\x1b[2J\x00" + strings.Repeat("ü", 5000), "payment_token": goodToken, "unknown": map[string]any{"a": 1},
		}))
		got := b.get(t, o.ID)
		require.Equal(t, Rejected, got.Status)
		require.True(t, strings.HasPrefix(got.Reason, " [2J üü"), got.Reason)
		require.LessOrEqual(t, len(got.Reason), maxDetail)
		require.True(t, strings.HasSuffix(got.Reason, "ü"), "cut between runes")
		require.NotContains(t, b.Log(), goodToken)
	})
}

// TestAContradictionIsReported: nobody but people can put it right.
func TestAContradictionIsReported(t *testing.T) {
	b := newBench(t, "sqlite::memory:")
	o := b.place(t)
	for _, history := range []string{"SH", "SR"} {
		events, _ := replies(o.ID, history)
		require.NotContains(t, b.Log(), "level=ERROR")
		b.HandleAll(t, 1, events...)
	}
	require.Equal(t, Inconsistent, b.get(t, o.ID).Status)
	require.Contains(t, b.Log(), "level=ERROR")
}

// TestAnEventWithAnImpossibleTime is taken at the time it came.
func TestAnEventWithAnImpossibleTime(t *testing.T) {
	b := newBench(t, "sqlite::memory:")
	o := b.place(t)
	e := servicetest.Event("others", orderShipped, o.ID, map[string]any{"order_id": o.ID})
	e.Time = e.Time.AddDate(5000, 0, 0)
	b.Handle(t, e)
	got := b.get(t, o.ID)
	require.Equal(t, Shipped, got.Status)
	require.Equal(t, got.History[1].RecordedAt, got.History[1].At)
}
