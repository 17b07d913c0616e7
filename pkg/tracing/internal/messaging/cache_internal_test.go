package messaging

import (
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCacheIsOneForAllAndBounded(t *testing.T) {
	var (
		c  cache
		wg sync.WaitGroup
	)
	found := make([]map[string]*Series, 4)
	for i := range found {
		found[i] = make(map[string]*Series)
		wg.Go(func() {
			for n := range 2 * maxSeries {
				key := strconv.Itoa(n)
				found[i][key] = c.get(Publish(), Destination{System: "rabbitmq", RoutingKey: key})
			}
		})
	}
	wg.Wait()
	require.Len(t, *c.known.Load(), maxSeries)
	require.Len(t, c.all(), maxSeries+1, "one tally for all that is too much")
	for key, s := range *c.known.Load() {
		for i := range found {
			require.Same(t, s, found[i][key.d.RoutingKey])
		}
	}
}

func TestFindingASeriesTakesNoMemory(t *testing.T) {
	var c cache
	d := Destination{System: "rabbitmq", Host: "h", Port: 5672, Exchange: "shop", RoutingKey: "order.placed", Queue: "payment"}
	c.get(Process(), d)
	require.Zero(t, testing.AllocsPerRun(100, func() { c.get(Process(), d) }))
}
