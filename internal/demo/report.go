package demo

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Report is how a run went.
type Report struct {
	// Fates has a row for each fate that was asked for, and one for the orders
	// that others placed, if any did.
	Fates []FateReport
	// Orders is how many orders there were, Ended how many of them have ended
	// and owe nothing, Right how many of these as they should.
	Orders, Ended, Right int
	// Stopped is how many went no further because of a fault, as they had to.
	Stopped int
	// Watch is what the observer made of faults; nil where none were made.
	Watch *Verdict
	// Faults says what is wrong with single orders, the first few of them;
	// MoreFaults is how many there are beyond these.
	Faults     []string
	MoreFaults int
	// Invariants are what must hold for all of them.
	Invariants []Invariant
	// Took is the time from the first order to the last end.
	Took time.Duration
	// Events is how many different events the orders have, Retries how many
	// attempts failed and were made again.
	Events, Retries int
	// PeakMemory is the most resident memory the process had, in bytes; 0 where
	// that can't be told.
	PeakMemory int64
	// Traces has an order of each fate with its trace id, where there are any.
	Traces []TraceReport
}

// FateReport sums up the orders of one fate.
type FateReport struct {
	Fate
	Orders, Right, Wrong, Open int
	// Stopped went no further because of a fault.
	Stopped int
	// P50, P95 and P99 are of the time from the request to the last event that
	// is no mail, of the orders that have ended.
	P50, P95, P99 time.Duration
	// Note is what else there is to say.
	Note string
}

// TraceReport is one order and its trace.
type TraceReport struct {
	Fate
	OrderID, TraceID string
}

// OK tells whether every order ended as it should and every invariant holds.
func (r *Report) OK() bool {
	return r.Right+r.Stopped == r.Orders && (r.Watch == nil || r.Watch.OK()) && !slices.ContainsFunc(r.Invariants, func(i Invariant) bool { return len(i.Broken) > 0 })
}

// Throughput is how many orders ended in a second.
func (r *Report) Throughput() float64 {
	if r.Took <= 0 {
		return 0
	}
	return float64(r.Ended) / r.Took.Seconds()
}

// maxFaults is how many faults are named.
const maxFaults = 10

// report judges every order and checks the invariants.
func (b *book) report(e evidence) *Report {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := &Report{
		Retries:    b.retries,
		PeakMemory: peakMemory(),
		Invariants: invariants(b.rules, b.list, b.stock, failures{b.parked, b.byFault, maps.Clone(b.strays)}, e),
	}
	w := reportWriter{r: r, rows: make(map[Fate]*fateRow), asked: make(map[string]int)}
	for _, c := range e.captures {
		w.asked[c.Reference] += c.Requests
	}
	for _, o := range b.list {
		w.add(o, b.rules, b.now())
	}
	for seq, p := range b.plans {
		w.missing(seq, p, b.now())
	}
	w.finish()
	return r
}

// reportWriter sums orders up.
type reportWriter struct {
	r           *Report
	rows        map[Fate]*fateRow
	asked       map[string]int // how often the provider was, by order
	faults      []string
	first, last time.Time
}

type fateRow struct {
	FateReport
	durations []time.Duration
	canceled  int
	traced    *order
}

func (w *reportWriter) row(f Fate) *fateRow {
	row, ok := w.rows[f]
	if !ok {
		row = &fateRow{FateReport: FateReport{Fate: f}}
		w.rows[f] = row
	}
	row.Orders++
	w.r.Orders++
	return row
}

func (w *reportWriter) add(o *order, rules []reaction, now time.Time) {
	row := w.row(o.fate)
	w.r.Events += len(o.ids)
	if w.first.IsZero() || o.sent.Before(w.first) {
		w.first = o.sent
	}
	if o.ended.After(w.last) {
		w.last = o.ended
	}
	if o.traceID != "" && (row.traced == nil || len(o.ids) > len(row.traced.ids)) {
		row.traced = o
	}
	if o.phase != settled && o.halted {
		row.Stopped++
		w.r.Stopped++
		return
	}
	if o.phase != settled {
		row.Open++
		w.fault(o, "still open; "+standing(rules, o, now))
		return
	}
	w.r.Ended++
	row.durations = append(row.durations, o.took())
	if o.counts.has(canceled) {
		row.canceled++
	}
	wrong := judge(rules, o)
	if o.fate == TimesOut && w.asked[o.id] < 2 {
		// Whether by a retry or by a redelivery, it has to be asked again.
		wrong = append(wrong, "the provider answered too late, and was not asked again")
	}
	if len(wrong) > 0 {
		row.Wrong++
		w.fault(o, strings.Join(wrong, "; "))
		return
	}
	row.Right++
	w.r.Right++
}

// missing adds an order that was asked for and never seen in the log.
func (w *reportWriter) missing(seq int, p *plan, now time.Time) {
	row := w.row(p.fate)
	what := fmt.Sprintf("order number %d (%s): ", seq, p.fate)
	if p.err != nil {
		row.Wrong++
		w.faults = append(w.faults, what+"it could not be placed: "+p.err.Error())
		return
	}
	row.Open++
	w.faults = append(w.faults, what+fmt.Sprintf("it was asked for %s ago, and order.placed never came", seconds(now.Sub(p.sent))))
}

func (w *reportWriter) fault(o *order, what string) {
	w.faults = append(w.faults, fmt.Sprintf("order %s (%s): %s", o.id, o.fate, what))
}

// standing says where an order is that has not ended: what came last, and whose
// turn it is.
func standing(rules []reaction, o *order, now time.Time) string {
	var parts []string
	if n := len(o.journey); n > 0 {
		parts = append(parts, fmt.Sprintf("%s came %s ago", o.journey[n-1], seconds(now.Sub(o.last))))
	}
	for _, d := range owed(rules, o.counts) {
		parts = append(parts, d.String())
	}
	if o.turn == "order" {
		parts = append(parts, "the request to cancel has no effect yet")
	}
	return strings.Join(parts, "; ")
}

func (w *reportWriter) finish() {
	for _, f := range slices.Sorted(maps.Keys(w.rows)) {
		row := w.rows[f]
		q := quantilesOf(row.durations)
		row.P50, row.P95, row.P99 = q.p50, q.p95, q.p99
		if f == Canceled && row.Right > 0 {
			row.Note = fmt.Sprintf("%d canceled, %d shipped before that", row.canceled, len(row.durations)-row.canceled)
		}
		if row.Stopped > 0 {
			if row.Note != "" {
				row.Note += "; "
			}
			row.Note += fmt.Sprintf("%d stopped by a fault, as they had to", row.Stopped)
		}
		w.r.Fates = append(w.r.Fates, row.FateReport)
		if row.traced != nil {
			w.r.Traces = append(w.r.Traces, TraceReport{f, row.traced.id, row.traced.traceID})
		}
	}
	slices.SortStableFunc(w.faults, cmp.Compare[string])
	w.r.Faults = w.faults[:min(len(w.faults), maxFaults)]
	w.r.MoreFaults = len(w.faults) - len(w.r.Faults)
	w.r.Took = max(w.last.Sub(w.first), 0)
}
