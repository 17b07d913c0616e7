package benchmarks

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/demo"
	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
)

// path is the way of an order that is shipped.
var path = []string{"order.placed", "stock.confirmed", "payment.confirmed", "order.shipped"}

// BenchmarkOrderLatency runs the order system without think time at a gentle
// rate and says how long an order takes from placed to shipped, and where the
// time goes: in hand (in a handler, from receiving the cause to making the
// effect) and on the way (commit, outbox relay, exchange, queue). All services
// share this machine's clock, so the parts are exact. How long after an event
// was made it is read from the log tells what commit, relay and exchange have
// of the way, and the reading itself.
func BenchmarkOrderLatency(b *testing.B) {
	const rate = 20.0
	s := newEmptyStage(b)
	orders, stop := s.follow()
	if b.N > 1 {
		fmt.Printf("%d orders, %v a second: %.0f s\n", b.N, rate, float64(b.N)/rate)
	}
	perSecond, think := rate, time.Duration(0)
	mix, err := demo.ParseMix("approved=100")
	require.NoError(b, err)
	_, err = demo.Run(context.Background(), nil, demo.Config{
		Orders: b.N, Exit: true, Rate: &perSecond, Think: &think, Mix: mix, AMQP: s.url, Out: io.Discard, Seed: 1,
	})
	require.NoError(b, err)
	stop()
	if b.N == 1 {
		return
	}
	total := &part{name: "placed to shipped"}
	hand, way, logged := &part{name: "  in hand"}, &part{name: "  on the way"}, &part{name: "made to read in the log, each"}
	var steps []*part
	for _, typ := range path[1:] {
		steps = append(steps, &part{name: "  way to " + typ}, &part{name: "  making " + typ})
	}
	for _, events := range orders {
		if len(events) != len(path) {
			continue
		}
		all := events[path[len(path)-1]].Time.Sub(events[path[0]].Time)
		inHand := time.Duration(0)
		for i, typ := range path {
			e := events[typ]
			logged.add(e.read.Sub(e.Time))
			if i == 0 {
				continue
			}
			inHand += e.Time.Sub(e.TriggerTime)
			steps[2*i-2].add(e.TriggerTime.Sub(events[path[i-1]].Time))
			steps[2*i-1].add(e.Time.Sub(e.TriggerTime))
		}
		total.add(all)
		hand.add(inHand)
		way.add(all - inHand)
	}
	require.Len(b, total.ms, b.N)
	for _, p := range append([]*part{total, hand, way}, append(steps, logged)...) {
		fmt.Printf("%-32s p50 %6.1f ms   p99 %6.1f ms\n", p.name, p.quantile(50), p.quantile(99))
	}
	b.ReportMetric(total.quantile(50), "p50-ms")
	b.ReportMetric(total.quantile(99), "p99-ms")
	b.ReportMetric(0, "ns/op")
}

// logged is an event and when it was read from the log.
type logged struct {
	event.Event
	read time.Time
}

// follow reads the log. The events of each flow, by type, may be looked at
// after stop.
func (s *stage) follow() (orders map[string]map[string]logged, stop func()) {
	transport := s.open()
	orders = make(map[string]map[string]logged)
	ctx, cancel := context.WithCancel(context.Background())
	var tail sync.WaitGroup
	tail.Go(func() {
		_ = transport.Tail(ctx, bus.First(), func(r bus.LogRecord) error {
			if r.Kind == bus.RecordEvent && slices.Contains(path, r.Event.Type) {
				if orders[r.Event.FlowID] == nil {
					orders[r.Event.FlowID] = make(map[string]logged)
				}
				orders[r.Event.FlowID][r.Event.Type] = logged{r.Event, time.Now()}
			}
			return nil
		})
	})
	return orders, func() {
		cancel()
		tail.Wait()
	}
}

// part is a part of what orders take, in milliseconds for each.
type part struct {
	name string
	ms   []float64
}

func (p *part) add(d time.Duration) { p.ms = append(p.ms, float64(d)/float64(time.Millisecond)) }

func (p *part) quantile(percent int) float64 {
	slices.Sort(p.ms)
	return p.ms[len(p.ms)*percent/100]
}
