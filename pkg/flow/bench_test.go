//go:build unix

package flow_test

import (
	"fmt"
	"runtime"
	"syscall"
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

// orders makes the log of many orders that go well, a part at a time: each
// round adds one event to each, and those that end make room for new ones.
type orders struct {
	tracker *flow.Tracker
	live    int
	step    []uint8
	born    []uint32 // how many orders were in this place before
	at      int      // whose turn it is
	now     time.Time
	between time.Duration // two pulses
	offset  uint64
	events  []flow.Event
	text    []byte
}

// perPulse is how many events come between two pulses: 20,000 a second, or where
// orders would stall at that rate, as many as it takes for none to: each has an
// event every turn at the latest, which is half the shortest time in the contract.
const (
	perPulse = 5_000
	turn     = 2500 * time.Millisecond
)

func newOrders(live int) *orders {
	o := &orders{
		tracker: flow.New(flow.Config{MaxFlows: 4 * live, MaxTombstones: live / 4}), live: live,
		step: make([]uint8, live), born: make([]uint32, live), now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		events: make([]flow.Event, 0, perPulse), between: min(250*time.Millisecond, turn*perPulse/time.Duration(live)),
	}
	o.tracker.Rules(&flow.Rules{Choreography: orderContract()})
	o.tracker.Pulse(&flow.Pulse{Time: o.now})
	for range happy { // order i is at step i % 8
		o.round(func(i int) bool { return int(o.step[i]) <= i%len(happy) })
	}
	o.at = 0
	return o
}

// round tells one event of each order of which more is true.
func (o *orders) round(more func(int) bool) {
	for o.at = 0; o.at < o.live; {
		o.prepare(perPulse, more)
		o.tell(len(o.events))
		o.clean()
	}
}

// prepare makes the next n events, as a reader of the log would have them: with
// strings that no other event shares.
func (o *orders) prepare(n int, more func(int) bool) {
	o.events, o.text = o.events[:0], o.text[:0]
	type span struct{ flow, id, cause int }
	spans := make([]span, 0, n)
	id := func(i int, kind byte, k int) int {
		at := len(o.text)
		o.text = fmt.Appendf(o.text, "01K%c%08X%08X%06d", kind, i, o.born[i], k)
		return at
	}
	for len(spans) < n && o.at < o.live {
		i := o.at
		o.at++
		if more != nil && !more(i) {
			continue
		}
		k := int(o.step[i]) % len(happy)
		if k == 0 {
			o.born[i]++
		}
		s := span{flow: id(i, 'F', 0), id: id(i, 'E', k), cause: -1}
		if cause := happy[k].cause; cause >= 0 {
			s.cause = id(i, 'E', cause)
		}
		o.step[i] = uint8(k + 1)
		spans = append(spans, s)
		o.events = append(o.events, flow.Event{FlowName: "order", Type: happy[k].eventType, Source: emitters[happy[k].eventType]})
		e := &o.events[len(o.events)-1]
		e.Trace.TraceID[0], e.Trace.TraceID[1], e.Trace.TraceID[2], e.Trace.TraceID[3] = byte(i), byte(i>>8), byte(i>>16), 1
		e.Trace.SpanID = [8]byte{byte(k), 1}
	}
	const length = 26
	text := string(o.text)
	for n, s := range spans {
		e := &o.events[n]
		e.FlowID, e.ID = text[s.flow:s.flow+length], text[s.id:s.id+length]
		e.Key = e.FlowID[4:20]
		if s.cause >= 0 {
			e.CausationID = text[s.cause : s.cause+length]
		}
		e.Time = o.now.Add(time.Duration(n) * 50 * time.Microsecond)
		o.offset++
		e.Offset = o.offset
	}
	if more == nil && o.at == o.live {
		o.at = 0
	}
}

// tell tells the tracker the first n of the events that were prepared, and the
// pulse after them.
func (o *orders) tell(n int) {
	for i := range n {
		o.tracker.Observe(&o.events[i])
	}
	o.now = o.now.Add(o.between)
	o.offset++
	o.tracker.Pulse(&flow.Pulse{Place: flow.Place{Offset: o.offset}, Time: o.now})
}

// clean takes note of what changed.
func (o *orders) clean() { o.tracker.Changed(func(*flow.Snapshot) {}) }

// cpuTime is what the process has had of the processors, in which others that
// want them show less than in the time of day. The collector's is in it.
func cpuTime(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

var liveFlows = []int{1_000, 100_000, 1_000_000}

// BenchmarkObserve follows orders to their end while many are under way: what
// an event costs, with its share of the pulses. Making the events is not in it,
// nor is writing down what changed, which BenchmarkChanged measures.
func BenchmarkObserve(b *testing.B) {
	for _, live := range liveFlows {
		b.Run(fmt.Sprintf("live=%d", live), func(b *testing.B) {
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			o := newOrders(live)
			own := uint64(len(o.step) + 4*len(o.born) + 300*cap(o.events) + 2*cap(o.text))
			runtime.GC()
			runtime.ReadMemStats(&after)
			tracked := o.tracker.Live()
			b.ReportAllocs()
			b.ResetTimer()
			var cpu time.Duration
			for done := 0; done < b.N; done += len(o.events) {
				b.StopTimer()
				o.clean()
				o.prepare(min(perPulse, b.N-done), nil)
				began := cpuTime(b)
				b.StartTimer()
				o.tell(len(o.events))
				cpu += cpuTime(b) - began
			}
			b.ReportMetric(float64(cpu)/float64(b.N), "cpu-ns/op")
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
			b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc-own)/float64(tracked), "B/flow")
			b.ReportMetric(float64(tracked), "live")
		})
	}
}

// BenchmarkChanged writes down the flows that changed.
func BenchmarkChanged(b *testing.B) {
	o := newOrders(100_000)
	size, n := 0, 0
	b.ReportAllocs()
	b.ResetTimer()
	for n < b.N {
		b.StopTimer()
		o.prepare(perPulse, nil)
		o.tell(len(o.events))
		b.StartTimer()
		o.tracker.Changed(func(s *flow.Snapshot) {
			size += len(s.State)
			n++
		})
	}
	b.ReportMetric(float64(size)/float64(n), "B/state")
}

// BenchmarkDuplicate takes events that change nothing.
func BenchmarkDuplicate(b *testing.B) {
	o := newOrders(100_000)
	o.prepare(perPulse, nil)
	o.tell(len(o.events))
	o.clean()
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		o.tracker.Observe(&o.events[i%len(o.events)])
	}
}

// BenchmarkSurvey counts what there is, as a scrape of metrics does.
func BenchmarkSurvey(b *testing.B) {
	o := newOrders(100_000)
	b.ReportAllocs()
	for b.Loop() {
		o.tracker.Survey()
	}
}
