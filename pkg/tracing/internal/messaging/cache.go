package messaging

import (
	"maps"
	"sync"
	"sync/atomic"
)

// maxSeries is how many series an instrumentation keeps.
const maxSeries = 500

// cache finds the series of an operation on a destination. Finding one that is
// there takes no lock and no memory. It never forgets, and is bounded.
type cache struct {
	known atomic.Pointer[map[seriesKey]*Series]
	grow  sync.Mutex
}

type seriesKey struct {
	op Operation
	d  Destination
}

func (c *cache) get(op Operation, d Destination) *Series {
	key := seriesKey{op, d}
	if known := c.known.Load(); known != nil {
		if s, ok := (*known)[key]; ok {
			return s
		}
	}
	return c.add(key)
}

// add copies the map, which is written rarely and read with every message.
func (c *cache) add(key seriesKey) *Series {
	c.grow.Lock()
	defer c.grow.Unlock()
	var known map[seriesKey]*Series
	if p := c.known.Load(); p != nil {
		known = *p
	}
	if s, ok := known[key]; ok {
		return s
	}
	if len(known) >= maxSeries {
		return newSeries(key.op, key.d, false)
	}
	s := newSeries(key.op, key.d, true)
	next := make(map[seriesKey]*Series, len(known)+1)
	maps.Copy(next, known)
	next[key] = s
	c.known.Store(&next)
	return s
}
