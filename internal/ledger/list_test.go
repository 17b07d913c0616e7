package ledger_test

import (
	"encoding/hex"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/ledger"
	"github.com/laban-io/laban/pkg/choreography"
	"github.com/laban-io/laban/pkg/flow"
)

// shop fills a ledger with ten orders, 0 the oldest: those with an even number
// are complete, 1 to 5 wait for the payment, 7 for the delivery and 9 for
// nobody: it is closed. 3 and 5 are stalled. Each is as long as the others.
func shop(t *testing.T, l *ledger.Ledger) {
	t.Helper()
	w := takeOver(t, l)
	var b ledger.Batch
	for n := range 10 {
		o := order{n: n, events: 8, begin: after(time.Duration(n) * time.Minute), first: uint64(n) * 8}
		switch {
		case n%2 == 0:
		case n <= 5:
			o.events = 2
		case n == 7:
			o.events = 5
		case n == 9:
			o.events = 1
		}
		for e := range o.events {
			o.add(&b, e+1)
		}
		s := o.snapshot()
		for i := range s.Obligations {
			ob := &s.Obligations[i]
			if ob.State == flow.Open && (n == 3 || n == 5) && ob.Service == "payment" {
				s.Status, s.Stalls = flow.Stalled, 1
				ob.OverdueSince = ob.Deadline.Add(time.Second)
				ob.Finding = flow.Finding{Cause: flow.Parked, Certainty: flow.Certain, Evidence: "the gateway said no"}
				if n == 5 {
					ob.Finding.Cause = flow.NoConsumer
				}
			}
			if n == 9 && ob.State == flow.Open {
				ob.State = flow.Void
			}
		}
		if n == 9 {
			s.Status, s.Reason, s.Ended = flow.Closed, "mended by hand", after(time.Hour)
		}
		if n == 2 {
			s.Traces = append(s.Traces, trace(900), trace(901))
		}
		b.AddFlow(s)
	}
	b.AddFlow(&flow.Snapshot{ // another choreography, without a start
		Choreography: "return", ID: "R1", Key: "order-4", Rules: "def", Status: flow.Unknown, Updated: after(4*time.Minute + 30*time.Second),
		First: 200, Last: 200, Events: 1, State: []byte("x"),
	})
	w.commit(t, &b, 201)
}

func numbers(flows []ledger.Flow) []string {
	keys := []string{}
	for i := range flows {
		name := flows[i].Key
		if flows[i].Choreography != "order" {
			name = flows[i].Choreography
		}
		keys = append(keys, name[max(0, len(name)-1):])
	}
	return keys
}

func hexTrace(n int) string {
	id := trace(n)
	return hex.EncodeToString(id[:])
}

func TestFlowsAreFiltered(t *testing.T) {
	parked, noConsumer, silent := flow.Parked, flow.NoConsumer, flow.Silent
	list := func(numbers ...string) []string { return append([]string{}, numbers...) }
	cases := map[string]struct {
		filter ledger.Filter
		want   []string
	}{
		"all":            {ledger.Filter{}, list("9", "8", "7", "6", "5", "n", "4", "3", "2", "1", "0")},
		"choreography":   {ledger.Filter{Choreography: "order"}, list("9", "8", "7", "6", "5", "4", "3", "2", "1", "0")},
		"other":          {ledger.Filter{Choreography: "return"}, list("n")},
		"no such":        {ledger.Filter{Choreography: "no such"}, list()},
		"stalled":        {ledger.Filter{Statuses: []flow.Status{flow.Stalled}}, list("5", "3")},
		"two statuses":   {ledger.Filter{Statuses: []flow.Status{flow.Closed, flow.Stalled, flow.Closed}}, list("9", "5", "3")},
		"unknown":        {ledger.Filter{Statuses: []flow.Status{flow.Unknown}}, list("n")},
		"both":           {ledger.Filter{Choreography: "order", Statuses: []flow.Status{flow.Running, flow.Unknown}}, list("7", "1")},
		"service":        {ledger.Filter{Service: "payment"}, list("5", "3", "1")},
		"side service":   {ledger.Filter{Service: "notification"}, list("7", "5", "3", "1")},
		"cause":          {ledger.Filter{Cause: &parked}, list("3")},
		"service, cause": {ledger.Filter{Service: "payment", Cause: &noConsumer}, list("5")},
		"not its cause":  {ledger.Filter{Service: "delivery", Cause: &noConsumer}, list()},
		"no such cause":  {ledger.Filter{Cause: &silent}, list()},
		"cause, status":  {ledger.Filter{Cause: &parked, Statuses: []flow.Status{flow.Running}}, list()},
		"key":            {ledger.Filter{Key: "order-4"}, list("n", "4")},
		"key and more":   {ledger.Filter{Key: "order-4", Choreography: "order"}, list("4")},
		"id":             {ledger.Filter{FlowID: order{n: 6}.id()}, list("6")},
		"trace":          {ledger.Filter{TraceID: hexTrace(6)}, list("6")},
		"later trace":    {ledger.Filter{TraceID: hexTrace(901)}, list("2")},
		"search key":     {ledger.Filter{Search: "order-4"}, list("n", "4")},
		"search id":      {ledger.Filter{Search: "R1"}, list("n")},
		"search trace":   {ledger.Filter{Search: hexTrace(900)}, list("2")},
		"key and trace":  {ledger.Filter{Key: "order-2", TraceID: hexTrace(900)}, list("2")},
		"key, not trace": {ledger.Filter{Key: "order-3", TraceID: hexTrace(900)}, list()},
		"since":          {ledger.Filter{Since: after(8 * time.Minute)}, list("9", "8")},
		"before":         {ledger.Filter{Before: after(time.Minute)}, list("1", "0")},
		"between":        {ledger.Filter{Since: after(time.Minute), Before: after(3 * time.Minute), Service: "payment"}, list("3", "1")},
	}
	onEach(t, func(t *testing.T, url string) {
		l := open(t, url)
		shop(t, l)
		for name, c := range cases {
			flows, next, err := l.Flows(t.Context(), c.filter)
			require.NoError(t, err, name)
			require.Equal(t, c.want, numbers(flows), name)
			require.Empty(t, next, name)

			// One at a time it is the same.
			paged := []string{}
			for c.filter.Limit = 1; ; c.filter.Cursor = next {
				flows, next, err = l.Flows(t.Context(), c.filter)
				require.NoError(t, err, name)
				paged = append(paged, numbers(flows)...)
				if next == "" {
					break
				}
				require.Len(t, flows, 1, name)
			}
			require.Equal(t, c.want, paged, name)
		}
	})
}

func TestFlowsSayWhatTheyWaitFor(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		l := open(t, url)
		shop(t, l)
		flows, _, err := l.Flows(t.Context(), ledger.Filter{Key: "order-3"})
		require.NoError(t, err)
		begin := after(3 * time.Minute)
		since := begin.Add(100 * time.Millisecond)
		require.Len(t, flows, 1)
		f := flows[0]
		require.Len(t, f.Waiting, 3)
		require.Equal(t, flow.Obligation{Number: 2, Due: flow.Due{
			Step: "notification.sent", Service: "notification", On: "order.placed", Trigger: 1, For: []string{"notification.sent"},
			Since: begin, Deadline: begin.Add(5 * time.Second), Side: true,
		}, State: flow.Open}, f.Waiting[0], "the first deadline first")
		require.Equal(t, flow.Obligation{
			Number: 3,
			Due: flow.Due{
				Step: "payment.confirmed|payment.rejected", Service: "payment", On: "stock.confirmed", Trigger: 2,
				For: []string{"payment.confirmed", "payment.rejected"}, Since: since, Deadline: since.Add(5 * time.Second),
			},
			State: flow.Open, OverdueSince: since.Add(6 * time.Second),
			Finding: flow.Finding{Cause: flow.Parked, Certainty: flow.Certain, Evidence: "the gateway said no"},
		}, f.Waiting[1])
		require.Equal(t, flow.Stalled, f.Status)
		require.Equal(t, begin, f.Started)
		require.Equal(t, since, f.Updated)
		require.True(t, f.Ended.IsZero())
		require.Equal(t, hexTrace(3), f.TraceID)
		require.Equal(t, []int{2, 0, 1}, []int{f.Events, f.Deviations, f.Stalls})
		require.Equal(t, []uint64{24, 25}, []uint64{f.First, f.Last})

		flows, _, err = l.Flows(t.Context(), ledger.Filter{Key: "order-9"})
		require.NoError(t, err)
		require.Equal(t, flow.Closed, flows[0].Status)
		require.Equal(t, "mended by hand", flows[0].Reason)
		require.Empty(t, flows[0].Waiting)
		flows, _, err = l.Flows(t.Context(), ledger.Filter{Key: "order-8"})
		require.NoError(t, err)
		require.Equal(t, choreography.Completed, flows[0].Outcome)
	})
}

// TestManyThatWait goes the way by time, where too many wait to look at each.
func TestManyThatWait(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		w := takeOver(t, open(t, url))
		var b ledger.Batch
		const many = 2100
		for n := range many {
			b.AddFlow(order{n: n, events: 2, begin: after(time.Duration(n) * time.Second)}.snapshot())
		}
		b.AddFlow(order{n: many, events: 5, begin: after(many * time.Second)}.snapshot())
		w.commit(t, &b, 1)
		flows, next, err := w.Flows(t.Context(), ledger.Filter{Service: "payment", Limit: 2})
		require.NoError(t, err)
		require.Equal(t, []string{order{n: many - 1}.key(), order{n: many - 2}.key()}, []string{flows[0].Key, flows[1].Key})
		seen := 2
		for next != "" {
			flows, next, err = w.Flows(t.Context(), ledger.Filter{Service: "payment", Limit: 100_000, Cursor: next})
			require.NoError(t, err)
			require.LessOrEqual(t, len(flows), ledger.MaxLimit)
			seen += len(flows)
		}
		require.Equal(t, many, seen)
	})
}

func TestForeignCursorsAreRefused(t *testing.T) {
	l := open(t, file(t))
	for _, c := range []string{"x", "!", "bnVsbA==", "eyJJRCI6Ilx1MDAwMCJ9"} {
		_, _, err := l.Flows(t.Context(), ledger.Filter{Cursor: c})
		require.ErrorIs(t, err, ledger.ErrCursor, c)
	}
}

func FuzzCursor(f *testing.F) {
	l := open(f, file(f))
	f.Add("eyJMaXN0ZWQiOjF9")
	f.Fuzz(func(t *testing.T, text string) {
		_, _, err := l.Flows(t.Context(), ledger.Filter{Cursor: text, Search: text, Service: text, Choreography: text})
		if err != nil {
			require.ErrorIs(t, err, ledger.ErrCursor)
		}
	})
}

func TestReaderReadsBesideTheWriter(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		l := open(t, url)
		shop(t, l)
		r, err := ledger.OpenReader(t.Context(), url)
		require.NoError(t, err)
		defer func() { require.NoError(t, r.Close()) }()
		flows, _, err := r.Flows(t.Context(), ledger.Filter{Statuses: []flow.Status{flow.Stalled}})
		require.NoError(t, err)
		require.Len(t, flows, 2)
		head, err := r.Head(t.Context())
		require.NoError(t, err)
		require.Equal(t, uint64(201), head.Position.Next)
	})
}

// TestReadersSeeWholeBatches reads while batches are written, each of which
// adds an event to all of five flows.
func TestReadersSeeWholeBatches(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		w := takeOver(t, open(t, url))
		r, err := ledger.OpenReader(t.Context(), url)
		require.NoError(t, err)
		defer func() { require.NoError(t, r.Close()) }()
		done := make(chan error, 1)
		go func() {
			var b ledger.Batch
			for e := range 8 {
				b.Reset()
				for n := range 5 {
					o := order{n: n, events: e + 1, begin: start()}
					o.add(&b, e+1)
					b.AddFlow(o.snapshot())
				}
				if err := w.try(&b, w.at.Next+5); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
		for writing := true; writing; {
			select {
			case err := <-done:
				require.NoError(t, err)
				writing = false
			default:
			}
			flows, _, err := r.Flows(t.Context(), ledger.Filter{})
			require.NoError(t, err)
			for i := range flows {
				require.Equal(t, flows[0].Events, flows[i].Events)
			}
			if len(flows) > 0 {
				d, err := r.Flow(t.Context(), "", flows[0].ID)
				require.NoError(t, err)
				require.Len(t, d.Events, d.Flow.Events)
			}
		}
	})
}

// TestFlowsThatStartTogetherArePaged has more flows of one moment than a page.
func TestFlowsThatStartTogetherArePaged(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		w := takeOver(t, open(t, url))
		var b ledger.Batch
		want := []string{}
		for _, name := range []string{"Order", "order", "ähnlich"} { // by bytes, in any locale
			for _, id := range []string{"1", "2", "A", "a"} {
				b.AddFlow(&flow.Snapshot{Choreography: name, ID: id, Started: start(), State: []byte("x"), Status: flow.Running})
				want = append(want, name+":"+id)
			}
		}
		w.commit(t, &b, 1)
		for _, f := range []ledger.Filter{{Limit: 5}, {Limit: 5, Statuses: flow.Statuses()}} {
			got := []string{}
			for {
				flows, next, err := w.Flows(t.Context(), f)
				require.NoError(t, err)
				for i := range flows {
					got = append(got, flows[i].Choreography+":"+flows[i].ID)
				}
				if next == "" {
					break
				}
				f.Cursor = next
			}
			require.Equal(t, want, got)
		}
	})
}
