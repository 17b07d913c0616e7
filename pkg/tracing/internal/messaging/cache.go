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

	mu      sync.Mutex
	tallies []*tally
	// rest counts what has no series of its own, by operation and broker.
	rest map[seriesKey]*tally
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
	c.mu.Lock()
	defer c.mu.Unlock()
	var known map[seriesKey]*Series
	if p := c.known.Load(); p != nil {
		known = *p
	}
	if s, ok := known[key]; ok {
		return s
	}
	if len(known) >= maxSeries {
		return newSeries(key.op, key.d, c.restOf(key))
	}
	s := newSeries(key.op, key.d, nil)
	next := make(map[seriesKey]*Series, len(known)+1)
	maps.Copy(next, known)
	next[key] = s
	c.known.Store(&next)
	c.tallies = append(c.tallies, s.tally)
	return s
}

func (c *cache) restOf(key seriesKey) *tally {
	broker := seriesKey{key.op, Destination{System: key.d.System, Host: key.d.Host, Port: key.d.Port}}
	t, ok := c.rest[broker]
	if !ok {
		t = newTally(key.op.kind, commonAttributes(key.op, key.d))
		if c.rest == nil {
			c.rest = make(map[seriesKey]*tally)
		}
		c.rest[broker] = t
		c.tallies = append(c.tallies, t)
	}
	return t
}

// all returns every tally there is.
func (c *cache) all() []*tally {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.tallies[:len(c.tallies):len(c.tallies)]
}
