package metrics

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// stateVersion is raised whenever a state of an older version would be read
// wrongly. Version 2, which did not count contradictions of ends, can be read.
const (
	stateVersion = 3
	firstEnds    = 2
)

// ErrState is wrapped by errors about a state that can't be read: it comes from
// another version, or is damaged. The log can make it anew.
var ErrState = errors.New("the state of the metrics can't be read")

// encode returns all that decode reads. The same counts give the same bytes.
func (c *counts) encode() []byte {
	w := writer{make([]byte, 0, 256+512*len(c.steps))}
	w.uint(stateVersion)
	w.uint(c.events)
	w.uint(c.gaps)
	w.uint(c.unrouted)
	w.uint(c.lost)
	for _, n := range c.unclaimed {
		w.uint(n)
	}
	w.uint(uint64(len(c.malformed)))
	for _, reason := range slices.Sorted(maps.Keys(c.malformed)) {
		w.text(reason)
		w.uint(c.malformed[reason])
	}
	w.uint(uint64(len(c.flows)))
	for _, name := range slices.Sorted(maps.Keys(c.flows)) {
		w.text(name)
		w.flow(c.flows[name])
	}
	w.uint(uint64(len(c.steps)))
	for _, s := range sortedSteps(c.steps) {
		w.text(s.choreography)
		w.text(s.step)
		w.text(s.service)
		w.step(c.steps[s])
	}
	return w.b
}

func sortedSteps[T any](steps map[step]T) []step {
	return slices.SortedFunc(maps.Keys(steps), compareSteps)
}

func compareSteps(a, b step) int {
	return cmp.Or(cmp.Compare(a.choreography, b.choreography), cmp.Compare(a.step, b.step), cmp.Compare(a.service, b.service))
}

type writer struct{ b []byte }

func (w *writer) uint(v uint64) { w.b = binary.AppendUvarint(w.b, v) }
func (w *writer) int(v int64)   { w.b = binary.AppendVarint(w.b, v) }

func (w *writer) text(s string) {
	w.uint(uint64(len(s)))
	w.b = append(w.b, s...)
}

func (w *writer) flow(f *flowCounts) {
	w.uint(f.started)
	w.uint(f.clean)
	w.uint(f.spoiled)
	w.uint(f.inconsistent)
	for _, n := range f.deviations {
		w.uint(n)
	}
	for i := range f.finished {
		w.histogram(&f.finished[i])
	}
	w.uint(uint64(len(f.latest)))
	for i := range f.latest {
		w.example(&f.latest[i])
	}
}

func (w *writer) step(s *stepCounts) {
	w.histogram(&s.paid)
	for i := range s.stalls {
		w.uint(s.stalls[i].n)
		w.exemplar(&s.stalls[i].last)
	}
}

func (w *writer) example(x *example) {
	w.text(x.key)
	w.text(x.flowID)
	w.b = append(w.b, x.trace[:]...)
	w.int(x.at)
}

// histogram writes the buckets that are not empty.
func (w *writer) histogram(h *histogram) {
	full := uint64(0)
	for _, n := range h.counts {
		if n > 0 {
			full++
		}
	}
	w.uint(full)
	if full == 0 {
		return
	}
	w.int(h.sum)
	for i, n := range h.counts {
		if n > 0 {
			w.uint(uint64(i))
			w.uint(n)
			w.exemplar(&h.exemplars[i])
		}
	}
}

func (w *writer) exemplar(e *exemplar) {
	switch {
	case e.at == 0:
		w.uint(0)
		return
	case e.sampled:
		w.uint(2)
	default:
		w.uint(1)
	}
	w.b = append(w.b, e.trace[:]...)
	w.int(e.at)
	w.int(e.value)
}

// decode reads what encode wrote.
func decode(b []byte) (counts, error) {
	r := reader{b: b}
	if r.version = r.uint(); r.version != stateVersion && r.version != firstEnds {
		return counts{}, fmt.Errorf("%w: it has version %d, and this program reads %d", ErrState, r.version, stateVersion)
	}
	c := newCounts()
	c.events, c.gaps = r.uint(), r.uint()
	c.unrouted, c.lost = r.uint(), r.uint()
	for i := range c.unclaimed {
		c.unclaimed[i] = r.uint()
	}
	last := ""
	for i := range r.below(maxReasons + 2) {
		reason := r.text()
		r.ascends(i == 0 || last < reason)
		last, c.malformed[reason] = reason, r.uint()
	}
	for i := range r.below(maxChoreographies + 2) {
		name := r.text()
		r.ascends(i == 0 || last < name)
		last, c.flows[name] = name, r.flow()
		if r.bad {
			break
		}
	}
	var before step
	for i := range r.below(maxSteps + 2) {
		s := step{r.text(), r.text(), r.text()}
		r.ascends(i == 0 || compareSteps(before, s) < 0)
		before, c.steps[s] = s, r.step()
		if r.bad {
			break
		}
	}
	if r.bad || len(r.b) > 0 {
		return counts{}, fmt.Errorf("%w: it is damaged", ErrState)
	}
	return c, nil
}

// reader reads what writer wrote; bad tells that it could not.
type reader struct {
	b       []byte
	bad     bool
	version uint64
}

func (r *reader) fail() { r.bad, r.b = true, nil }

// ascends notes the damage where names are not in order.
func (r *reader) ascends(ok bool) {
	if !ok {
		r.fail()
	}
}

func (r *reader) uint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) int() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

// below reads a number that must be less than limit.
func (r *reader) below(limit uint64) uint64 {
	v := r.uint()
	if v >= limit {
		r.fail()
		return 0
	}
	return v
}

func (r *reader) text() string {
	n := r.uint()
	if n > uint64(len(r.b)) {
		r.fail()
		return ""
	}
	s := string(r.b[:n])
	r.b = r.b[n:]
	if s != label(s) {
		r.fail()
	}
	return s
}

func (r *reader) flow() *flowCounts {
	f := &flowCounts{started: r.uint(), clean: r.uint(), spoiled: r.uint()}
	if r.version > firstEnds {
		f.inconsistent = r.uint()
	}
	for i := range f.deviations {
		f.deviations[i] = r.uint()
	}
	for i := range f.finished {
		f.finished[i] = r.histogram()
	}
	if r.version == firstEnds {
		f.inconsistent = f.finished[inconsistent].total()
		return f
	}
	for range r.below(maxExamples + 1) {
		f.latest = append(f.latest, example{r.text(), r.text(), r.trace(), r.int()})
	}
	return f
}

func (r *reader) trace() (id [16]byte) {
	if len(r.b) < len(id) {
		r.fail()
		return id
	}
	r.b = r.b[copy(id[:], r.b):]
	return id
}

func (r *reader) step() *stepCounts {
	s := &stepCounts{paid: r.histogram()}
	for i := range s.stalls {
		s.stalls[i] = counter{r.uint(), r.exemplar()}
	}
	return s
}

func (r *reader) histogram() (h histogram) {
	full := r.below(buckets + 2)
	if full == 0 {
		return h
	}
	h.sum = r.int()
	for range full {
		i := r.below(buckets + 1)
		h.counts[i] = r.uint()
		h.exemplars[i] = r.exemplar()
	}
	return h
}

func (r *reader) exemplar() exemplar {
	kind := r.below(3)
	if kind == 0 {
		return exemplar{}
	}
	return exemplar{sampled: kind == 2, trace: r.trace(), at: r.int(), value: r.int()}
}
