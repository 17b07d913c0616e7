package flow_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/laban-io/laban/pkg/flow"
)

// happy are the events of an order that is shipped, with the index of the one
// that caused each, or -1.
var happy = []struct {
	eventType string
	cause     int
}{
	{"order.placed", -1},
	{"stock.confirmed", 0}, {"notification.sent", 0},
	{"payment.confirmed", 1}, {"notification.sent", 1},
	{"order.shipped", 3}, {"notification.sent", 3}, {"notification.sent", 5},
}

// BenchmarkObserve follows orders to their end while many are under way.
// Every round adds one event to each of them; those that end make room for new
// ones.
func BenchmarkObserve(b *testing.B) {
	for _, live := range []int{1_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprintf("live=%d", live), func(b *testing.B) { benchmarkObserve(b, live) })
	}
}

func benchmarkObserve(b *testing.B, live int) {
	tracker := flow.New(flow.Config{MaxFlows: 4 * live, MaxTombstones: live / 4})
	tracker.Rules(&flow.Rules{Choreography: orderContract()})
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	tracker.Pulse(&flow.Pulse{Time: now})
	// The events are made beforehand, in the order in which they come: flow i
	// is at step (i+round) % 8 at any time.
	ids := make([][]string, live)
	flowIDs := make([]string, live)
	generation := make([]int, live)
	step := make([]int, live)
	begin := func(i int) {
		generation[i]++
		flowIDs[i] = fmt.Sprintf("01HFLOW%010d%09d", i, generation[i])
		ids[i] = ids[i][:0]
		for k := range happy {
			ids[i] = append(ids[i], fmt.Sprintf("01HEVNT%010d%06d%03d", i, generation[i], k))
		}
	}
	e := flow.Event{FlowName: "order", Key: "1042"}
	n := 0
	perPulse := 5_000 // 20,000 events a second
	emit := func(i int) {
		k := step[i]
		if k == 0 {
			begin(i)
		}
		h := happy[k]
		e.Offset++
		e.ID, e.Type, e.FlowID, e.Source = ids[i][k], h.eventType, flowIDs[i], emitters[h.eventType]
		e.Key = flowIDs[i][7:17]
		e.CausationID = ""
		if h.cause >= 0 {
			e.CausationID = ids[i][h.cause]
		}
		e.Time = now
		e.Trace.TraceID = [16]byte{byte(i), byte(i >> 8), byte(i >> 16), 1}
		tracker.Observe(&e)
		step[i] = (k + 1) % len(happy)
		if n++; n%perPulse == 0 {
			now = now.Add(250 * time.Millisecond)
			e.Offset++
			tracker.Pulse(&flow.Pulse{Place: e.Place, Time: now})
			tracker.Changed(func(*flow.Snapshot) {})
		}
	}
	var before, after runtime.MemStats
	for i := range live {
		ids[i] = make([]string, 0, len(happy))
		begin(i)
	}
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range live { // flow i begins at step i % 8 - 1
		for range i%len(happy) + 1 {
			emit(i)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	tracked := tracker.Live()
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		emit(i)
		if i++; i == live {
			i = 0
		}
	}
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(max(tracked, 1)), "B/flow")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(float64(tracked), "live")
}
