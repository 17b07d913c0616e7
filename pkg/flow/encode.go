package flow

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/laban-io/laban/pkg/choreography"
)

// stateVersion is raised whenever a state of an older version would be read
// wrongly. A ledger with another one has to be rebuilt from the log.
const stateVersion = 1

// ErrState is wrapped by errors about a state that can't be read: it comes from
// another version, or is damaged. The log can make it anew.
var ErrState = errors.New("the state of a tracker can't be read")

// appendState writes all that restore reads.
func (f *instance) appendState(b []byte) []byte {
	w := writer{b}
	w.uint(stateVersion)
	w.uint(uint64(f.flags & kept))
	w.uint(uint64(f.status))
	w.uint(uint64(f.class))
	w.raw(f.trace[:])
	w.uint(f.first)
	w.uint(f.last)
	base := f.updated
	w.int(base)
	for _, at := range []int64{f.started, f.ended, f.quiet, f.born, f.retired} {
		w.moment(base, at)
	}
	w.uint(uint64(f.deviations))
	w.uint(uint64(f.stalls))
	w.uint(uint64(len(f.events)))
	for i := range f.events {
		w.entry(base, &f.events[i])
	}
	w.uint(uint64(len(f.obligations)))
	for i := range f.obligations {
		w.obligation(base, &f.obligations[i])
	}
	w.rarities(base, f.rare)
	return w.b
}

type writer struct{ b []byte }

func (w *writer) uint(v uint64) { w.b = binary.AppendUvarint(w.b, v) }
func (w *writer) int(v int64)   { w.b = binary.AppendVarint(w.b, v) }
func (w *writer) raw(b []byte)  { w.b = append(w.b, b...) }

// moment writes a time that may be 0, most often near base.
func (w *writer) moment(base, at int64) {
	if at == 0 {
		w.b = append(w.b, 0)
		return
	}
	w.b = append(w.b, 1)
	w.int(at - base)
}

func (w *writer) text(s string) {
	w.uint(uint64(len(s)))
	w.b = append(w.b, s...)
}

func (w *writer) finding(found *Finding) {
	w.uint(uint64(found.Cause))
	w.uint(uint64(found.Certainty))
	w.text(found.Evidence)
}

func (w *writer) entry(base int64, e *entry) {
	w.b = binary.LittleEndian.AppendUint64(w.b, e.id)
	w.b = binary.LittleEndian.AppendUint64(w.b, e.cause)
	w.raw(e.span[:])
	w.moment(base, e.at)
	for _, v := range []uint64{uint64(e.typ), uint64(e.src), uint64(e.causeIndex), uint64(e.trace), uint64(e.flags)} {
		w.uint(v)
	}
}

func (w *writer) obligation(base int64, o *obligation) {
	for _, v := range []uint64{uint64(o.rule), uint64(o.trigger), uint64(o.by), uint64(o.state), uint64(o.flags &^ owedTallied)} {
		w.uint(v)
	}
	w.moment(base, o.owed)
}

func (w *writer) rarities(base int64, r *rarities) {
	if r == nil {
		w.uint(0)
		return
	}
	w.uint(1)
	w.uint(uint64(len(r.traces)))
	for i := range r.traces {
		w.raw(r.traces[i][:])
	}
	w.uint(uint64(len(r.notes)))
	for i := range r.notes {
		n := &r.notes[i]
		w.uint(n.event)
		w.text(n.service)
		w.uint(uint64(n.cause))
		w.int(int64(n.attempt))
		w.int(int64(n.of))
		w.text(n.error)
	}
	w.text(r.reason)
	w.uint(uint64(len(r.delays)))
	for i := range r.delays {
		d := &r.delays[i]
		w.uint(uint64(d.obligation))
		w.moment(base, d.deadline)
		w.moment(base, d.found)
		w.finding(&d.why)
	}
	w.uint(uint64(len(r.surplus)))
	for i := range r.surplus {
		s := &r.surplus[i]
		w.uint(uint64(s.event))
		w.flag(s.ripe)
		w.moment(base, s.since)
	}
	d := &r.deadEnd
	w.moment(base, d.deadline)
	w.moment(base, d.found)
	w.uint(uint64(d.last))
	w.uint(uint64(d.by))
	w.finding(&d.why)
}

func (w *writer) flag(v bool) {
	if v {
		w.uint(1)
		return
	}
	w.uint(0)
}

// readState is the inverse of appendState, for a flow whose program is set.
func (f *instance) readState(b []byte) error {
	r := reader{b: b}
	if version := r.uint(); version != stateVersion {
		return fmt.Errorf("%w: it has version %d, and this program reads %d", ErrState, version, stateVersion)
	}
	f.flags = flags(r.uint()) & kept                          //nolint:gosec // it is bounded, or the state is refused
	f.status = Status(r.below(statuses))                      //nolint:gosec // it is bounded, or the state is refused
	f.class = uint8(r.below(uint64(choreography.Failed) + 1)) //nolint:gosec // there are three
	copy(f.trace[:], r.raw(16))
	f.first, f.last = r.uint(), r.uint()
	base := r.int()
	f.updated = base
	for _, at := range []*int64{&f.started, &f.ended, &f.quiet, &f.born, &f.retired} {
		*at = r.moment(base)
	}
	f.deviations, f.stalls = uint32(r.uint()), uint32(r.uint()) //nolint:gosec // it is bounded, or the state is refused
	n := r.below(maxMaxEvents + 1)
	if f.events = f.ownEvents[:0]; n > ownEvents {
		f.events = make([]entry, 0, min(n, uint64(len(r.b))))
	}
	for range n {
		if f.events = append(f.events, r.entry(base, f.program)); r.bad {
			break
		}
	}
	n = r.below(maxMaxEvents + 1)
	if f.obligations = f.ownObligations[:0]; n > ownObligations {
		f.obligations = make([]obligation, 0, min(n, uint64(len(r.b))))
	}
	for range n {
		if f.obligations = append(f.obligations, r.obligation(base, f)); r.bad {
			break
		}
	}
	f.rare = r.rarities(base)
	if r.bad || len(r.b) > 0 || !f.sound() {
		return fmt.Errorf("%w: the state of flow %s is damaged", ErrState, f.id())
	}
	return nil
}

// sound tells whether all that refers to something in f finds it.
func (f *instance) sound() bool {
	traces := 0
	if r := f.rare; r != nil {
		traces = len(r.traces)
		if r.deadEnd.found != 0 && int(r.deadEnd.last) >= len(f.events) || f.is(flagDeadEnd) && r.deadEnd.found == 0 {
			return false
		}
		for i := range r.delays {
			if o := int(r.delays[i].obligation); o >= len(f.obligations) || f.obligations[o].flags&owedDelayed == 0 {
				return false
			}
		}
		for i := range r.surplus {
			if e := int(r.surplus[i].event); e >= len(f.events) || f.events[e].typ == foreignType || f.events[e].flags&entryWeighed == 0 {
				return false
			}
		}
	}
	for i := range f.events {
		if e := &f.events[i]; int(e.causeIndex) > len(f.events) || int(e.trace) > traces {
			return false
		}
	}
	for i := range f.obligations {
		o := &f.obligations[i]
		if int(o.trigger) >= len(f.events) || int(o.by) > len(f.events) || i > 0 && o.trigger < f.obligations[i-1].trigger {
			return false
		}
		if o.flags&owedOverdue != 0 && o.flags&owedDelayed == 0 || o.state == Met && o.by == 0 {
			return false
		}
		if o.flags&owedDelayed != 0 && (f.rare == nil || !slices.ContainsFunc(f.rare.delays, func(d delay) bool { return int(d.obligation) == i })) {
			return false
		}
	}
	return len(f.events) > 0 && (f.rare != nil || !f.is(flagDeadEnd|flagClosed))
}

// reader reads what writer wrote; bad tells that it could not.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) uint() uint64 {
	v, n := binary.Uvarint(r.b)
	return v * r.skip(n)
}

func (r *reader) int() int64 {
	v, n := binary.Varint(r.b)
	return v * int64(r.skip(n)) //nolint:gosec // it is bounded, or the state is refused
}

// skip moves on by n bytes and returns 1, or notes the damage and returns 0.
func (r *reader) skip(n int) uint64 {
	if r.bad || n <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return 1
}

// below reads a number that must be less than limit.
func (r *reader) below(limit uint64) uint64 {
	v := r.uint()
	if v >= limit {
		r.bad, r.b = true, nil
		return 0
	}
	return v
}

// index reads a number of 16 bits.
func (r *reader) index() uint16 { return uint16(r.below(1 << 16)) } //nolint:gosec // it is below

func (r *reader) raw(n int) []byte {
	if r.bad || n < 0 || len(r.b) < n {
		r.bad, r.b = true, nil
		return make([]byte, min(max(n, 0), 16))
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

func (r *reader) moment(base int64) int64 {
	if present := r.raw(1); present[0] == 0 {
		return 0
	}
	return base + r.int()
}

func (r *reader) text() string {
	n := r.uint()
	if n > uint64(len(r.b)) {
		r.bad, r.b = true, nil
		return ""
	}
	return string(r.raw(int(n))) //nolint:gosec // it is bounded, or the state is refused
}

func (r *reader) finding() Finding {
	return Finding{Cause: Cause(r.below(causes)), Certainty: Certainty(r.below(uint64(Certain) + 1)), Evidence: r.text()} //nolint:gosec // it is bounded, or the state is refused
}

func (r *reader) entry(base int64, p *program) entry {
	e := entry{id: binary.LittleEndian.Uint64(r.raw(8)), cause: binary.LittleEndian.Uint64(r.raw(8))}
	copy(e.span[:], r.raw(8))
	e.at = r.moment(base)
	e.typ = typeID(r.below(uint64(foreignType) + 1)) //nolint:gosec // it is bounded, or the state is refused
	if e.typ != foreignType && int(e.typ) >= len(p.typeNames) {
		r.bad = true
	}
	e.src = serviceID(r.below(uint64(len(p.serviceNames)))) //nolint:gosec // it is bounded, or the state is refused
	e.causeIndex = r.index()
	e.trace, e.flags = uint8(r.below(maxTraces)), entryFlags(r.below(1<<8)) //nolint:gosec // it is bounded, or the state is refused
	return e
}

func (r *reader) obligation(base int64, f *instance) obligation {
	o := obligation{
		rule: uint16(r.below(uint64(len(f.program.rules)))), trigger: r.index(), by: r.index(), //nolint:gosec // it is bounded, or the state is refused
		state: ObligationState(r.below(obligationStates)), flags: obligationFlags(r.below(1<<8)) &^ owedTallied, //nolint:gosec // it is bounded, or the state is refused
	}
	o.owed = r.moment(base)
	return o
}

func (r *reader) rarities(base int64) *rarities {
	if r.below(2) == 0 {
		return nil
	}
	x := &rarities{}
	for range r.below(maxTraces) {
		x.traces = append(x.traces, [16]byte(r.raw(16)))
	}
	for range r.below(maxNotes + 1) {
		x.notes = append(x.notes, note{
			event: r.uint(), service: r.text(), cause: Cause(r.below(causes)), //nolint:gosec // it is bounded, or the state is refused
			attempt: int(r.int()), of: int(r.int()), error: r.text(),
		})
	}
	x.reason = r.text()
	for n := r.below(maxMaxEvents + 1); n > 0 && !r.bad; n-- {
		x.delays = append(x.delays, delay{obligation: r.index(), deadline: r.moment(base), found: r.moment(base), why: r.finding()})
	}
	for n := r.below(maxMaxEvents + 1); n > 0 && !r.bad; n-- {
		x.surplus = append(x.surplus, surplus{event: r.index(), ripe: r.below(2) == 1, since: r.moment(base)})
	}
	x.deadEnd = deadEnd{deadline: r.moment(base), found: r.moment(base), last: r.index(), by: r.index(), why: r.finding()}
	return x
}
