package flow

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// clocks estimates how far the clocks of services are from log time. An event
// that has just been made lies between the pulse before it and the pulse after
// it, so the largest of its service's times less these pulses bound the offset:
// messages that took long to publish only make the bounds weaker.
type clocks map[string]*clock

// clock is one service's.
type clock struct {
	// newest is the latest time of an event since the last pulse, before the
	// largest time less the pulse before it.
	newest, before int64
	fresh          bool
	// lowest and highest bound the offset within this window, and the window
	// before.
	this, last bounds
	turned     int64
}

type bounds struct {
	low, high int64
	known     bool
}

const (
	clockWindow = int64(time.Minute)
	maxClocks   = 10_000
)

// Clock is how far a service's clock is ahead of log time, as far as its
// events tell; within the distance of two pulses nothing can be told.
type Clock struct {
	Service string
	Offset  time.Duration
}

// observe takes the time of an event by its service's clock k, which is nil
// where it is not known yet.
func (c clocks) observe(k *clock, e *Event, now int64) {
	if e.Time.IsZero() || e.Source == "" || now == 0 {
		return
	}
	if k == nil {
		if len(c) >= maxClocks {
			return
		}
		k = &clock{}
		c[strings.Clone(e.Source)] = k
	}
	at := nanos(e.Time)
	if !k.fresh {
		k.newest, k.before, k.fresh = at, at-now, true
		return
	}
	k.newest, k.before = max(k.newest, at), max(k.before, at-now)
}

// pulse takes the bounds of the events since the pulse before.
func (c clocks) pulse(now int64) {
	for _, k := range c {
		if now-k.turned > clockWindow {
			k.last, k.this, k.turned = k.this, bounds{}, now
		}
		if !k.fresh {
			continue
		}
		k.fresh = false
		found := bounds{low: k.newest - now, high: k.before, known: true}
		if k.this.known {
			found.low, found.high = max(found.low, k.this.low), max(found.high, k.this.high)
		}
		k.this = found
	}
}

// offset is how far a service's clock is known to be ahead, or 0.
func (k *clock) offset() int64 {
	if k == nil {
		return 0
	}
	b := k.this
	switch {
	case !b.known:
		b = k.last
	case k.last.known:
		b.low, b.high = max(b.low, k.last.low), max(b.high, k.last.high)
	}
	switch {
	case !b.known:
		return 0
	case b.low > 0:
		return b.low
	case b.high < 0:
		return b.high
	default:
		return 0
	}
}

// Clocks returns the offsets of the services' clocks, by service.
func (t *Tracker) Clocks() []Clock {
	all := make([]Clock, 0, len(t.clocks))
	for service, k := range t.clocks {
		all = append(all, Clock{Service: service, Offset: time.Duration(k.offset())})
	}
	slices.SortFunc(all, func(a, b Clock) int { return cmp.Compare(a.Service, b.Service) })
	return all
}
