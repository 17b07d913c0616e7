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
// share this machine's clock, so the parts are exact.
func BenchmarkOrderLatency(b *testing.B) {
	s := newEmptyStage(b)
	transport := s.open()
	var mu sync.Mutex
	orders := make(map[string]map[string]event.Event)
	ctx, cancel := context.WithCancel(context.Background())
	var tail sync.WaitGroup
	tail.Go(func() {
		_ = transport.Tail(ctx, bus.First(), func(r bus.LogRecord) error {
			mu.Lock()
			defer mu.Unlock()
			if r.Kind == bus.RecordEvent && slices.Contains(path, r.Event.Type) {
				if orders[r.Event.FlowID] == nil {
					orders[r.Event.FlowID] = make(map[string]event.Event)
				}
				orders[r.Event.FlowID][r.Event.Type] = r.Event
			}
			return nil
		})
	})
	rate, think := 20.0, time.Duration(0)
	mix, err := demo.ParseMix("approved=100")
	require.NoError(b, err)
	_, err = demo.Run(context.Background(), nil, demo.Config{
		Orders: b.N, Exit: true, Rate: &rate, Think: &think, Mix: mix, AMQP: s.url, Out: io.Discard, Seed: 1,
	})
	require.NoError(b, err)
	cancel()
	tail.Wait()
	if b.N == 1 {
		return
	}
	var total, hand, way []float64
	for _, events := range orders {
		if len(events) != len(path) {
			continue
		}
		inHand := time.Duration(0)
		for _, typ := range path[1:] {
			inHand += events[typ].Time.Sub(events[typ].TriggerTime)
		}
		all := events["order.shipped"].Time.Sub(events["order.placed"].Time)
		total, hand, way = append(total, ms(all)), append(hand, ms(inHand)), append(way, ms(all-inHand))
	}
	require.Len(b, total, b.N)
	for _, part := range []struct {
		name   string
		values []float64
	}{{"placed→shipped", total}, {"in hand", hand}, {"on the way", way}} {
		slices.Sort(part.values)
		p50, p99 := part.values[len(part.values)/2], part.values[len(part.values)*99/100]
		fmt.Printf("%-16s p50 %6.1f ms   p99 %6.1f ms\n", part.name, p50, p99)
	}
	b.ReportMetric(total[len(total)/2], "p50-ms")
	b.ReportMetric(total[len(total)*99/100], "p99-ms")
	b.ReportMetric(0, "ns/op")
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
