package flow

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Observe takes an event into the flow, or flows, that it belongs to.
func (t *Tracker) Observe(e *Event) Result {
	t.begin(e.Offset)
	unclaimed := NoChoreography
	if e.FlowName != "" {
		if l := t.findLine(e.FlowName); l != nil {
			unclaimed = t.enter(l, e)
		}
	} else {
		for _, l := range t.order {
			if !l.knows(e) {
				continue
			}
			if taken := t.enter(l, e); unclaimed == NoChoreography || taken == Claimed {
				unclaimed = taken
			}
		}
	}
	return Result{Entries: t.entries, Unclaimed: unclaimed, Transitions: t.transitions}
}

// knows tells whether an event that names no choreography is of l: its type is
// one of the contract in force, or of the one that its flow began with.
func (l *line) knows(e *Event) bool {
	if l.current != nil {
		if _, known := l.current.types[e.Type]; known {
			return true
		}
	}
	f := l.flows.get(e.FlowID)
	if e.FlowID == "" {
		f = l.keys.get(e.Key)
	}
	if f == nil {
		return false
	}
	_, known := f.program.types[e.Type]
	return known
}

// enter takes an event into a flow of l.
func (t *Tracker) enter(l *line, e *Event) Unclaimed {
	if e.FlowID == "" && e.Key == "" {
		return NoKey
	}
	id := hash(e.ID)
	f := t.find(l, e, id)
	switch {
	case f == nil && l.current == nil:
		return NoChoreography // it is retired
	case f == nil:
		if f = t.create(l, e); f == nil {
			return NoRoom
		}
	case e.Key != "" && f.key() == "":
		f.name(f.id(), e.Key)
		t.own(f, e)
	}
	t.add(f, e, id)
	return Claimed
}

// find returns the flow that an event belongs to, or nil where it begins one.
func (t *Tracker) find(l *line, e *Event, id uint64) *instance {
	if e.FlowID != "" {
		return l.flows.get(e.FlowID)
	}
	f := l.keys.get(e.Key)
	if f == nil || !f.is(flagEnded|flagClosed) {
		return f
	}
	typ, src := f.program.lookup(e.Type, e.Source)
	if f.indexOf(id, src) < 0 && (typ != foreignType && f.program.facts[typ].start || l.current != nil && l.current.starts(e.Type)) {
		return nil
	}
	return f
}

func (p *program) starts(eventType string) bool {
	typ, ok := p.types[eventType]
	return ok && p.facts[typ].start
}

// create makes a flow that begins with e, or returns nil if there is no room.
func (t *Tracker) create(l *line, e *Event) *instance {
	if t.live >= t.cfg.MaxFlows {
		t.refusedEvents++
		if l.current.starts(e.Type) {
			t.refusedFlows++
		}
		return nil
	}
	id := e.FlowID
	if id == "" {
		id = e.Key + "@" + strconv.FormatUint(e.Offset, 10)
		for l.flows.get(id) != nil { // somebody else's idea of an id
			id += "@"
		}
	}
	f := t.pool.take()
	f.line, f.program, f.first, f.trace = l, l.current, e.Offset, e.Trace.TraceID
	f.name(id, e.Key)
	l.flows.put(f)
	if e.Key != "" {
		t.own(f, e)
	}
	t.live++
	l.counts[f.status]++
	return f
}

// name gives f its id and key, in a string of its own.
func (f *instance) name(id, key string) {
	if f.text = id + key; key == "" {
		f.text = strings.Clone(id)
	}
	f.idLength = uint32(len(id)) //nolint:gosec // a message has less than 4 GiB
}

// own has events with f's key and no id go to f: unless they go to a flow that
// is under way and e begins nothing, as where it comes late for a flow that is
// forgotten.
func (t *Tracker) own(f *instance, e *Event) {
	l := f.line
	owner := l.keys.get(f.key())
	if owner != nil {
		if !owner.is(flagEnded|flagClosed) && !f.program.starts(e.Type) {
			return
		}
		owner.flags &^= flagOwner
		t.touch(owner)
	}
	f.flags |= flagOwner
	l.keys.put(f, owner)
}

// add adds an event to a flow and judges it anew.
func (t *Tracker) add(f *instance, e *Event, id uint64) {
	typ, src := f.program.lookup(e.Type, e.Source)
	clock := t.clocks[e.Source]
	at := t.estimate(e, clock)
	t.entries = append(t.entries, Entry{
		Choreography: f.line.name, FlowID: f.id(), Key: f.key(), LogTime: moment(t.now), At: moment(at),
	})
	told := &t.entries[len(t.entries)-1]
	if i := f.indexOf(id, src); i >= 0 {
		told.Number, told.Duplicate = i+1, true
		t.deviate(f, Duplicate, e.Type)
		return
	}
	if len(f.events) >= t.cfg.MaxEvents {
		told.Truncated = true
		if !f.is(flagTruncated) {
			f.flags |= flagTruncated | flagTouched
			t.deviate(f, Truncated, e.Type)
			t.lift(f)
			t.judgeAgain(f)
		}
		return
	}
	t.unretire(f)
	first := len(f.obligations)
	i := t.append(f, e, typ, src, id, at)
	told.Number = i + 1
	t.clocks.observe(clock, e, t.now)
	t.touch(f)
	t.freshen(f)
	t.blame(f, e, typ, src)
	t.update(f, i, first)
	told.Cause, told.Inferred = f.causeOf(i)
}

// append appends an event, with what it makes owed, and resolves causes.
func (t *Tracker) append(f *instance, e *Event, typ typeID, src serviceID, id uint64, at int64) int {
	i := len(f.events)
	if i == cap(f.events) {
		f.events = slices.Grow(f.events, growth(i))
	}
	added := entry{id: id, cause: hash(e.CausationID), span: e.Trace.SpanID, at: at, typ: typ, src: src, trace: f.traceIndex(e.Trace)}
	if e.Trace.Sampled {
		added.flags |= entrySampled
	}
	added.causeIndex = uint16(f.indexOfID(added.cause) + 1) //nolint:gosec // at most maxMaxEvents
	f.events = append(f.events, added)
	if id != 0 {
		for k := range f.events[:i] {
			if c := &f.events[k]; c.cause == id && c.causeIndex == 0 {
				c.causeIndex = uint16(i) + 1 //nolint:gosec // at most maxMaxEvents
			}
		}
	}
	f.introduce(i)
	f.last, f.quiet = e.Offset, 0
	if f.updated < at || f.updated > t.now+int64(gapAfter) { // or it was of before log time
		f.updated = at
	}
	return i
}

// traceIndex returns the number of a trace among those of the flow.
func (f *instance) traceIndex(trace Trace) uint8 {
	if trace.TraceID == f.trace || trace.IsZero() {
		return 0
	}
	if f.trace == [16]byte{} {
		f.trace = trace.TraceID
		return 0
	}
	r := f.rarely()
	if i := slices.Index(r.traces, trace.TraceID); i >= 0 {
		return uint8(i + 1) //nolint:gosec // at most maxTraces
	}
	if len(r.traces) == maxTraces-1 {
		return 0
	}
	r.traces = append(r.traces, trace.TraceID)
	return uint8(len(r.traces)) //nolint:gosec // at most maxTraces
}

// maxTraces is how many traces of a flow are remembered.
const maxTraces = 32

// blame records what is wrong with an event as such.
func (t *Tracker) blame(f *instance, e *Event, typ typeID, src serviceID) {
	if typ == foreignType {
		t.deviate(f, UnknownType, e.Type)
		return
	}
	emitters := f.program.facts[typ].emitters
	if e.Source != "" && len(emitters) > 0 && !slices.Contains(emitters, src) {
		t.deviate(f, WrongService, e.Type+" from "+e.Source)
	}
}

// causeOf returns the number of the event that caused the one at i, and
// whether that is inferred.
func (f *instance) causeOf(i int) (number int, inferred bool) {
	e := &f.events[i]
	if e.causeIndex != 0 {
		return int(e.causeIndex), false
	}
	if e.cause != 0 {
		return 0, false
	}
	for o := range f.obligations {
		if int(f.obligations[o].by) == i+1 {
			return int(f.obligations[o].trigger) + 1, true
		}
	}
	return 0, false
}

// estimate is when an event was most likely published, in log time: the
// producer's time, corrected by what is known of its clock, and held within
// what the pulses allow.
func (t *Tracker) estimate(e *Event, k *clock) int64 {
	if t.now == 0 {
		return max(nanos(e.Time), 1) // the log has no time yet, but this
	}
	if e.Time.IsZero() {
		return t.now
	}
	at := nanos(e.Time) - k.offset()
	return min(max(at, t.now), t.now+int64(gapAfter))
}

// trace returns the trace context of the event at i.
func (f *instance) traceOf(i int) Trace {
	if i < 0 || i >= len(f.events) {
		return Trace{}
	}
	e := &f.events[i]
	tr := Trace{TraceID: f.trace, SpanID: e.span, Sampled: e.flags&entrySampled != 0}
	if e.trace > 0 {
		tr.TraceID = f.rare.traces[e.trace-1]
	}
	if e.span == [8]byte{} {
		return Trace{}
	}
	return tr
}

// between is the time from one moment to another, never negative.
func between(from, to int64) time.Duration { return time.Duration(max(to-from, 0)) }
