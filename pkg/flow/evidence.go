package flow

import (
	"slices"
	"strings"
	"time"
)

// note is what the log says of one message on its way to one service.
type note struct {
	event   uint64 // hash of the event's id
	service string // "" of an unrouted one, which concerns everyone
	cause   Cause
	attempt int
	of      int
	error   string
}

// Bounds of what is remembered of a flow's messages.
const (
	maxNotes     = 64
	maxNoteError = 500
)

// Fail takes over that a service failed to process a message.
func (t *Tracker) Fail(x *Failure) []Transition {
	t.begin(x.Offset)
	n := note{event: hash(x.EventID), service: x.Service, cause: Retrying, attempt: x.Attempt, of: x.Of, error: x.Error}
	if x.Parked {
		n.cause = Parked
	}
	if s := t.services.byName[x.Service]; s != nil && n.of == 0 && len(s.instances) > 0 {
		n.of = s.instances[len(s.instances)-1].Attempts
	}
	t.note(x.FlowName, x.FlowID, x.Key, x.Type, n)
	return t.transitions
}

// Stray takes over that a message ended where no service receives it.
func (t *Tracker) Stray(x *Stray) []Transition {
	t.begin(x.Offset)
	n := note{event: hash(x.EventID), cause: Unrouted}
	if x.Lost {
		n.cause, n.service = Lost, x.Service
	}
	t.note(x.FlowName, x.FlowID, x.Key, x.Type, n)
	return t.transitions
}

// Redrive takes over that a person put a message back into a service's queue:
// what was known of its way is over.
func (t *Tracker) Redrive(x *Redrive) []Transition {
	t.begin(x.Offset)
	t.eachFlow(x.FlowName, x.FlowID, x.Key, "", func(f *instance) {
		if f.rare == nil {
			return
		}
		id := hash(x.EventID)
		f.rare.notes = slices.DeleteFunc(f.rare.notes, func(n note) bool {
			return n.event == id && (n.service == x.Service || n.service == "")
		})
		for i := range f.obligations {
			if f.obligations[i].flags&owedOverdue != 0 {
				f.delayOf(i).why = Finding{} // also of a silent one: there is a message again
			}
		}
		t.touch(f)
		t.reasonFlow(f, "", true)
	})
	return t.transitions
}

// note remembers n in the flows that the message belongs to.
func (t *Tracker) note(flowName, flowID, key, eventType string, n note) {
	if n.event == 0 {
		return // nobody can say which message it was
	}
	n.service = strings.Clone(n.service)
	n.error = clip(n.error, maxNoteError)
	t.eachFlow(flowName, flowID, key, eventType, func(f *instance) {
		if f.indexOfID(n.event) < 0 {
			return
		}
		r := f.rarely()
		r.notes = slices.DeleteFunc(r.notes, func(old note) bool { return old.event == n.event && old.service == n.service })
		if len(r.notes) == maxNotes {
			r.notes = slices.Delete(r.notes, 0, 1)
		}
		r.notes = append(r.notes, n)
		t.touch(f)
		t.reasonFlow(f, "", true)
	})
}

// eachFlow calls fn for each flow that an event with these attributes is of.
func (t *Tracker) eachFlow(flowName, flowID, key, eventType string, fn func(*instance)) {
	in := func(l *line) {
		f := l.flows.get(flowID)
		if flowID == "" {
			f = l.keys.get(key)
		}
		if f != nil {
			fn(f)
		}
	}
	if flowName != "" {
		if l := t.lines[flowName]; l != nil {
			in(l)
		}
		return
	}
	for _, l := range t.order {
		if l.current == nil { // what is under way still ends
			in(l)
			continue
		}
		if _, known := l.current.types[eventType]; known || eventType == "" {
			in(l)
		}
	}
}

// clip returns a copy of s of at most n bytes, without cutting a character.
func clip(s string, n int) string {
	if len(s) > n {
		s = s[:n]
		for s != "" && s[len(s)-1] >= 0x80 && s[len(s)-1] < 0xc0 {
			s = s[:len(s)-1]
		}
		if s != "" && s[len(s)-1] >= 0xc0 {
			s = s[:len(s)-1]
		}
		s += "…"
	}
	return strings.Clone(s)
}

// reason looks again at why what a service owes is overdue. Unless exactly,
// other figures in the evidence alone are not worth telling; that of an unknown
// cause has none.
func (t *Tracker) reason(service string, exactly bool) {
	if len(t.stalled) == 0 {
		return
	}
	stalled := make([]*instance, 0, len(t.stalled))
	for f := range t.stalled {
		stalled = append(stalled, f)
	}
	slices.SortFunc(stalled, byAge)
	for _, f := range stalled {
		t.reasonFlow(f, service, exactly)
	}
}

// reasonFlow does so for one flow; for all its services where none is named.
func (t *Tracker) reasonFlow(f *instance, service string, exactly bool) {
	for i := range f.obligations {
		o := &f.obligations[i]
		if o.flags&owedOverdue == 0 || service != "" && f.program.serviceNames[f.program.rules[o.rule].service] != service {
			continue
		}
		d := f.delayOf(i)
		found := t.diagnose(f, i, d.deadline)
		if d.why == found || !exactly && d.why.Cause == found.Cause && d.why.Certainty == found.Certainty && found.Cause != CauseUnknown {
			continue
		}
		if t.stillSilent(d, found) {
			continue
		}
		d.why = found
		t.touch(f)
		tr := t.say(f, Reasoned)
		tr.Obligation, tr.Finding = i+1, found
		tr.Trace = f.traceOf(f.triggerOf(i))
		f.dueOf(i, &tr.Due)
	}
	t.tallyStalls(f)
}

// silentSure is how long a service has to have been silent before that stands,
// whatever its queue looks like later: what was seen of a queue can be some
// seconds old, since a broker's management API counts anew every few seconds.
const silentSure = int64(15 * time.Second)

// stillSilent tells whether a finding about the queue is about other messages:
// the one that was owed an answer has long been settled.
func (t *Tracker) stillSilent(d *delay, found Finding) bool {
	switch found.Cause {
	case NoConsumer, Backlog, Taken:
		return d.why.Cause == Silent && t.now-d.found >= silentSure
	default:
		return false
	}
}
