package metrics_test

import (
	"encoding/binary"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/observer/metrics"
	"github.com/laban-io/laban/pkg/choreography"
	"github.com/laban-io/laban/pkg/flow"
)

// live is a tracker with so many orders of the order system's contract under
// way, each fourth of them overdue at payment and each fourth at inventory, and
// what it exports.
func underWay(t testing.TB, orders int) (*flow.Tracker, *metrics.Collector) {
	t.Helper()
	text, err := os.ReadFile("../../../services/order.choreography.yaml")
	require.NoError(t, err)
	contract, err := choreography.Parse("order.choreography.yaml", text)
	require.NoError(t, err)
	tracker := flow.New(flow.Config{})
	c := metrics.New(metrics.Config{
		Survey: tracker.Survey, Live: live, BlindReasons: []string{"unreachable", "lag"}, MalformedReasons: []string{"envelope"},
	})
	c.SetContracts([]*choreography.Choreography{contract})
	c.SetActive(true)
	offset, clock := uint64(0), noon
	place := func() flow.Place { offset++; return flow.Place{Offset: offset} }
	c.Apply(tracker.Rules(&flow.Rules{Place: place(), Choreography: contract}))
	pulses := func(d time.Duration) {
		for end := clock.Add(d); clock.Before(end); {
			clock = clock.Add(500 * time.Millisecond)
			c.Apply(tracker.Pulse(&flow.Pulse{Place: place(), Time: clock}))
		}
	}
	tell := func(i int, source, kind, cause string) string {
		e := flow.Event{
			Place: place(), ID: fmt.Sprintf("%s-%d", kind, i), Source: source, Type: kind, Key: fmt.Sprintf("order-%08d", i),
			FlowName: "order", FlowID: fmt.Sprintf("01J%023d", i), CausationID: cause, Time: clock,
		}
		binary.BigEndian.PutUint64(e.Trace.TraceID[8:], uint64(i)+1)
		binary.BigEndian.PutUint64(e.Trace.SpanID[:], e.Offset)
		r := tracker.Observe(&e)
		c.Observed(flow.Claimed)
		c.Apply(r.Transitions)
		return e.ID
	}
	pulses(time.Second)
	begin := func(from, to int) {
		for i := from; i < to; i++ {
			placed := tell(i, "order", "order.placed", "")
			if i%2 == 0 {
				tell(i, "inventory", "stock.confirmed", placed)
			}
		}
	}
	begin(0, orders/2)
	pulses(15 * time.Second)
	begin(orders/2, orders)
	pulses(time.Second)
	return tracker, c
}

// However many orders are under way and overdue, what is scraped has the same
// series: ids are no labels, but for the bounded examples.
func TestAScrapeDoesNotGrowWithTheFlows(t *testing.T) {
	counts := []int{100, 10_000}
	if !testing.Short() {
		counts = append(counts, 100_000)
	}
	series, size := map[string]bool{}, 0
	for n, orders := range counts {
		tracker, c := underWay(t, orders)
		require.Equal(t, orders, tracker.Live())
		began := time.Now()
		text := scrape(t, c, classic)
		took := time.Since(began)
		require.Contains(t, text, fmt.Sprintf(`laban_flows_in_flight{choreography="order",status="stalled"} %v`, float64(orders/2)))
		found, examples := map[string]bool{}, 0
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, "#") {
				continue
			}
			name := line[:strings.LastIndexByte(line, ' ')]
			if strings.HasPrefix(name, "laban_flow_stalled_example") {
				examples++ // of other flows in each
				continue
			}
			found[name] = true
		}
		require.Equal(t, 6, examples, "three of each step")
		t.Logf("%d orders: %d series, %d bytes, %v", orders, len(found)+examples, len(text), took.Round(time.Millisecond))
		if n == 0 {
			series, size = found, len(text)
			continue
		}
		require.Equal(t, series, found)
		require.InEpsilon(t, size, len(text), 0.02, "a few digits more")
	}
}

func BenchmarkScrape(b *testing.B) {
	for _, orders := range []int{100, 10_000, 100_000} {
		b.Run(fmt.Sprint(orders), func(b *testing.B) {
			_, c := underWay(b, orders)
			for b.Loop() {
				scrape(b, c, classic)
			}
		})
	}
}
