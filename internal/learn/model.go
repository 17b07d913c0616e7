package learn

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// model is the flows that are learned from, made ready for counting.
type model struct {
	types, services []string
	flows           []*run
	histories       *histories
	// among are the histories that are looked at: all of them, or those that
	// matter to a question.
	among []int32
	// pairs are the answers: what each service emits.
	pairs  []pair
	pairAt map[pair]int
	// numbers are the same, for who asks often: a service's row has the number
	// of each type's pair from 1 on, or 0.
	numbers [][]int
	// answered are the flows that each pair is in, by their indices.
	answered [][]int32
	// by is what caused the answers of each pair, by their causation ids, and
	// without how many there are that nothing in their flow caused.
	by      []evidence
	without []int
	// often is how often there is an answer of each pair.
	often []int
	// causal tells of each service whether its events say what caused them.
	causal []bool
	// told is the share of events with a cause among those that begin no flow.
	told float64
	// total is how often each type is there; place is where in a flow it comes
	// on average, from 0 to 1.
	total []int
	place []float64
	// starts are the types that flows begin with.
	starts []int

	unfinished, headless, beyond, all int
	halved                            int // how often half of the flows were left out
}

// pair is a service and a type that it emits.
type pair struct{ service, typ int }

func (e *step) pair() pair { return pair{int(e.src), int(e.typ)} }

// What decides which flows are learned from.
const (
	// settledAfter is how many times the usual pause within a flow the log must
	// go on after a flow for the flow to be taken as finished.
	settledAfter = 5
	// startShare is the least share of flows that begin with a type for it to
	// be a start. Where a log begins, flows begin with anything: at least half
	// of the flows that have the type must begin with it, too.
	startShare = 0.02
)

// newModel makes the flows of one choreography ready.
func (l *Log) newModel(g *group) *model {
	m := &model{types: l.types.list, services: l.services.list, pairAt: map[pair]int{}, causal: make([]bool, len(l.services.list))}
	flows := make([]*run, 0, len(g.flows))
	for _, f := range g.flows {
		if f.beyond {
			m.beyond++
			continue
		}
		flows = append(flows, f)
	}
	m.findStarts(flows)
	flows = m.splitKeys(flows)
	m.all = len(flows)
	for _, f := range flows {
		f.resolve()
	}
	setTimes(flows, len(m.services))
	flows = m.withStart(flows)
	m.flows = m.settled(flows, l.newest)
	m.unfinished = len(flows) - len(m.flows)
	m.number()
	m.halved = g.halved
	if kept, halved := thinned(m.flows, m.manyHistories(l.most), g.halved, m.pairOf); halved > 0 {
		m.flows, m.halved = kept, g.halved+halved
	}
	m.count()
	return m
}

// What bounds how many different histories are compared.
const (
	// eventsForOne is how many events may be kept for each.
	eventsForOne = 40
	// maxCells is how many figures all of them may have.
	maxCells = 64 << 20
)

// manyHistories is how many different histories are compared at most. Of flows
// with more, half are left out, and half of those.
func (m *model) manyHistories(events int) int {
	return max(min(events/eventsForOne, maxCells/(len(m.types)+len(m.pairs))), 1)
}

// findStarts finds what flows begin with: the first type of most of them, and
// others that begin flows without having one of those.
func (m *model) findStarts(flows []*run) {
	first, has := make([]int, len(m.types)), make([]int, len(m.types))
	in := make([]int, len(m.types)) // the last flow that has the type, from 1
	for i, f := range flows {
		for _, e := range f.events {
			if in[e.typ] != i+1 {
				in[e.typ] = i + 1
				has[e.typ]++
			}
		}
		if len(f.events) > 0 && f.events[0].cause == 0 {
			first[f.events[0].typ]++
		}
	}
	for {
		best := -1
		for typ, n := range first {
			if n > 0 && 2*n >= has[typ] && float64(n) >= startShare*float64(len(flows)) && (best < 0 || n > first[best]) {
				best = typ
			}
		}
		if best < 0 {
			return
		}
		m.starts = append(m.starts, best)
		// What is left are flows that never have one of the starts.
		clear(first)
		for _, f := range flows {
			if len(f.events) > 0 && f.events[0].cause == 0 && !f.hasAny(m.starts) {
				first[f.events[0].typ]++
			}
		}
	}
}

// splitKeys begins another flow where a key comes back with the same start.
func (m *model) splitKeys(flows []*run) []*run {
	split := make([]*run, 0, len(flows))
	for _, f := range flows {
		if f.identity {
			split = append(split, f)
			continue
		}
		from := 0
		for i, e := range f.events {
			if i > from && slices.Contains(m.starts, int(e.typ)) && (&run{events: f.events[from:i]}).hasAny([]int{int(e.typ)}) {
				split = append(split, &run{id: f.id, events: f.events[from:i:i]})
				from = i
			}
		}
		split = append(split, &run{id: f.id, events: f.events[from:]})
	}
	return split
}

// withStart leaves out the flows whose start is not in the log.
func (m *model) withStart(flows []*run) []*run {
	return slices.DeleteFunc(flows, func(f *run) bool {
		gone := !f.hasAny(m.starts)
		if gone {
			m.headless++
		}
		return gone
	})
}

// settled leaves out the flows that may go on after the end of the log, unless
// too few would be left.
func (m *model) settled(flows []*run, end int64) []*run {
	var pauses []time.Duration
	for _, f := range flows {
		for i := 1; i < len(f.events); i++ {
			pauses = append(pauses, time.Duration(max(f.events[i].at-f.events[i-1].at, 0)))
		}
	}
	after := settledAfter * int64(quantile(pauses, 0.95))
	var done []*run
	for _, f := range flows {
		if last := f.events[len(f.events)-1].at; end-last > after {
			done = append(done, f)
		}
	}
	if len(done) < 20 || 2*len(done) < len(flows) {
		return flows
	}
	return done
}

func (f *run) hasAny(types []int) bool {
	return slices.ContainsFunc(f.events, func(e step) bool { return slices.Contains(types, int(e.typ)) })
}

// resolve finds the event that caused each one.
func (f *run) resolve() {
	at := make(map[uint64]int, len(f.events))
	for i := range f.events {
		if id := f.events[i].id; id != 0 {
			at[id] = i
		}
	}
	for i := range f.events {
		f.events[i].caused = -1
		if c, ok := at[f.events[i].cause]; ok && f.events[i].cause != 0 && c != i {
			f.events[i].caused = int16(c) //nolint:gosec // at most MaxFlowEvents
		}
	}
}

// number numbers the answers.
func (m *model) number() {
	m.numbers = make([][]int, len(m.services))
	for _, f := range m.flows {
		for i := range f.events {
			p := f.events[i].pair()
			if m.numbers[p.service] == nil {
				m.numbers[p.service] = make([]int, len(m.types))
			}
			if m.numbers[p.service][p.typ] == 0 {
				m.pairAt[p] = len(m.pairs)
				m.pairs = append(m.pairs, p)
				m.numbers[p.service][p.typ] = len(m.pairs)
			}
		}
	}
}

// pairOf is the number of an answer.
func (m *model) pairOf(e *step) int { return m.numbers[e.src][e.typ] - 1 }

// count makes the histories, and counts what else is asked for often.
func (m *model) count() {
	m.total, m.place = make([]int, len(m.types)), make([]float64, len(m.types))
	m.answered, m.by, m.without = make([][]int32, len(m.pairs)), make([]evidence, len(m.pairs)), make([]int, len(m.pairs))
	m.often = make([]int, len(m.pairs))
	for p := range m.by {
		m.by[p] = evidence{}
	}
	caused, all := 0, 0
	for number, f := range m.flows {
		for i := range f.events {
			e := &f.events[i]
			p := m.pairOf(e)
			if !slices.Contains(m.starts, int(e.typ)) {
				all++
				caused += truth(e.caused >= 0)
			}
			m.total[e.typ]++
			m.often[p]++
			m.place[e.typ] += float64(i) / float64(len(f.events))
			if flows := m.answered[p]; len(flows) == 0 || flows[len(flows)-1] != int32(number) {
				m.answered[p] = append(m.answered[p], int32(number))
			}
			if e.caused < 0 {
				m.without[p]++
				continue
			}
			m.causal[e.src] = true
			m.by[p][int(f.events[e.caused].typ)]++
		}
	}
	m.told = share(caused, float64(all))
	for typ, n := range m.total {
		m.place[typ] /= float64(max(n, 1))
	}
	m.histories = newHistories(m.flows, len(m.types), m.pairs, m.pairOf)
	m.among = m.histories.all
}

// pairsOf returns the numbers of some answers of a service.
func (m *model) pairsOf(service int, emits []int) (numbers []int) {
	if row := m.numbers[service]; row != nil {
		for _, t := range emits {
			if row[t] > 0 {
				numbers = append(numbers, row[t]-1)
			}
		}
	}
	return numbers
}

// answering returns the flows that have one of some answers of a service, at
// most so many of them.
func (m *model) answering(service int, emits []int, most int) []*run {
	var numbers []int32
	for _, p := range m.pairsOf(service, emits) {
		numbers = append(numbers, m.answered[p][:min(len(m.answered[p]), most)]...)
	}
	slices.Sort(numbers)
	numbers = slices.Compact(numbers)
	flows := make([]*run, min(len(numbers), most))
	for i := range flows {
		flows[i] = m.flows[numbers[i]]
	}
	return flows
}

// countsKey tells a list of numbers from others.
func countsKey(counts []int) string {
	var b strings.Builder
	for _, n := range counts {
		b.WriteString(strconv.Itoa(n))
		b.WriteByte(' ')
	}
	return b.String()
}
