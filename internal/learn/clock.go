package learn

import (
	"slices"
	"time"
)

// setTimes gives each event the best time there is. Where the log has times,
// these, made finer by the producers' own; otherwise the producers', corrected
// where an event seems to be received before it was made.
func setTimes(flows []*run, services int) {
	ahead := aheadOfLog(flows, services)
	if ahead == nil {
		ahead = aheadByCauses(flows, services)
	}
	for _, f := range flows {
		last := int64(0)
		for i := range f.events {
			e := &f.events[i]
			switch {
			case e.made != 0:
				e.at = e.made - ahead[e.src]
			case e.log != 0:
				e.at = e.log
			default:
				e.at = last
			}
			last = e.at
		}
	}
}

// aheadOfLog is how far each service's clock is ahead of the log's: the median
// of the differences, where that is more than the log's times are coarse. It is
// nil where the log has no times.
func aheadOfLog(flows []*run, services int) []int64 {
	differences := make([][]time.Duration, services)
	dated := false
	for _, f := range flows {
		for _, e := range f.events {
			if e.log != 0 && e.made != 0 {
				differences[e.src] = append(differences[e.src], time.Duration(e.made-e.log))
				dated = true
			}
		}
	}
	if !dated {
		return nil
	}
	ahead := make([]int64, services)
	for s, d := range differences {
		if half := quantile(d, 0.5); half.Abs() > time.Second {
			ahead[s] = int64(half)
		}
	}
	return ahead
}

// aheadByCauses goes from service to service along who causes whom. The fastest
// way of an event from one to the other is taken to need no time, where
// otherwise one would be received before it was made, or a second late at best.
func aheadByCauses(flows []*run, services int) []int64 {
	type way struct{ from, to int }
	fastest := map[way]int64{}
	var ways []way
	for _, f := range flows {
		for _, e := range f.events {
			if e.caused < 0 || e.received == 0 || f.events[e.caused].made == 0 || f.events[e.caused].src == e.src {
				continue
			}
			w := way{int(f.events[e.caused].src), int(e.src)}
			took := e.received - f.events[e.caused].made
			if least, ok := fastest[w]; !ok {
				fastest[w] = took
				ways = append(ways, w)
			} else {
				fastest[w] = min(least, took)
			}
		}
	}
	ahead := make([]int64, services)
	if !slices.ContainsFunc(ways, func(w way) bool { return fastest[w] < 0 }) {
		return ahead
	}
	known := make([]bool, services)
	for _, begin := range ways {
		if known[begin.from] {
			continue
		}
		known[begin.from] = true
		for changed := true; changed; {
			changed = false
			for _, w := range ways {
				switch {
				case known[w.from] && !known[w.to]:
					ahead[w.to], known[w.to], changed = ahead[w.from]+fastest[w], true, true
				case known[w.to] && !known[w.from]:
					ahead[w.from], known[w.from], changed = ahead[w.to]-fastest[w], true, true
				}
			}
		}
	}
	return ahead
}

// nanos is a time as Unix nanoseconds, 0 for the zero time.
func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}
