package api

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/laban-io/laban/internal/ledger"
	"github.com/laban-io/laban/internal/observer"
	"github.com/laban-io/laban/pkg/choreography"
	"github.com/laban-io/laban/pkg/flow"
)

// teller says where a flow is.
type teller struct {
	location *time.Location
	// now is log time: nothing is known of what came after it.
	now time.Time
	// expected is when the flow should be done, if that is known.
	expected time.Time

	b    strings.Builder
	zone bool // the zone of times has been said
}

// String returns what was told. No text of a message can break its line.
func (t *teller) String() string { return Plain(t.b.String()) }

func (t *teller) say(format string, args ...any) { fmt.Fprintf(&t.b, format, args...) }

// at is a time of day, with the date where it is not today's. The first one
// names the zone.
func (t *teller) at(when time.Time) string {
	when = when.In(t.location)
	layout := time.TimeOnly
	if when.Format(time.DateOnly) != t.now.In(t.location).Format(time.DateOnly) {
		layout = time.DateTime
	}
	if !t.zone {
		t.zone = true
		layout += " MST"
	}
	return when.Format(layout)
}

// blind says that nothing can be said of the present.
func (t *teller) blind(s *observer.Status) {
	t.say("The observer is blind")
	if !s.BlindSince.IsZero() {
		t.say(" since %s", t.at(s.BlindSince))
	}
	t.say(" (%s", s.Blind)
	if s.BlindDetail != "" {
		t.say(": %s", s.BlindDetail)
	}
	t.say("), so this is how it stood")
	if !t.now.IsZero() {
		t.say(" at %s", t.at(t.now))
	}
	t.say(". ")
}

// nothing says that there is no such flow, and what to check.
func (t *teller) nothing(key string, contracts []*choreography.Choreography) {
	t.say("No flow with the key %s is known. Check that it is the key, which is the event's subject, without a slip", key)
	if len(contracts) == 0 {
		t.say("; and that the observer has a contract, since it has none")
	} else {
		names := make([]string, len(contracts))
		for i, c := range contracts {
			names[i] = c.Name
		}
		slices.Sort(names)
		t.say("; that it is a flow of %s", alternatives(names))
	}
	if t.now.IsZero() {
		t.say("; nothing has been read from the log yet.")
		return
	}
	t.say("; and that it began where the log is read, which it is up to %s, and not so long ago that it is no longer kept.", t.at(t.now))
}

// story is a flow that is told of.
type story struct {
	*ledger.Detail
	rules *choreography.Choreography // may be nil
	name  string                     // "order 1042"
}

// tell says where a flow is. Without rules, which may be unknown, it says less.
func (t *teller) tell(d *ledger.Detail, rules *choreography.Choreography) {
	s := &story{Detail: d, rules: rules, name: d.Choreography + " " + d.Key}
	if d.Key == "" {
		s.name = d.Choreography + " flow " + d.ID
	}
	main := turn(d.Waiting)
	switch d.Status {
	case flow.Running:
		t.running(s, main)
	case flow.Compensating, flow.Stalled:
		t.waiting(s, main)
	case flow.Completed:
		t.say("%s completed%s%s%s", capital(s.name), t.when(d.Ended), with(s.outcomes(choreography.Completed)), took(d))
	case flow.Failed:
		t.failed(s)
	case flow.Inconsistent:
		t.inconsistent(s, main)
	case flow.Closed:
		t.closed(s)
	default:
		t.unknown(s)
	}
	t.sides(d.Waiting)
	t.say(".")
}

func (t *teller) running(s *story, main *flow.Obligation) {
	if main == nil {
		t.say("%s goes on, and nobody owes it anything", capital(s.name))
		t.lastEvent(s)
		return
	}
	t.say("%s is with %s", capital(s.name), words(s.owing()))
	t.since(main)
	switch {
	case t.expected.IsZero():
		t.say("; ")
		t.until(main)
	case t.expected.Before(t.now):
		t.say("; it should have been done by %s (95 %% are by then), and ", t.at(t.expected))
		t.until(main)
	default:
		t.say("; it should be done by %s (95 %% are by then)", t.at(t.expected))
	}
}

// waiting tells of a flow that somebody owes something, after it failed or too
// late.
func (t *teller) waiting(s *story, main *flow.Obligation) {
	bad := s.outcomes(choreography.Failed)
	switch {
	case main == nil:
		t.say("%s is %s, and nobody owes it anything", capital(s.name), s.Status)
		t.lastEvent(s)
		return
	case main.OverdueSince.IsZero():
		t.say("%s failed%s, and ", capital(s.name), with(bad))
		t.until(main)
	case main.Finding.Cause == flow.DeadEnd:
		t.say("%s came to a dead end: no outcome is known, nobody owes it anything, and nothing has happened", capital(s.name))
		t.say("%s", t.sinceTime(main.Since))
		t.say(" (%s overdue); its last event was %s", lasting(t.now.Sub(main.Deadline)), main.On)
		return
	case len(bad) > 0:
		t.say("%s failed%s and ", capital(s.name), with(bad))
		t.overdue(main)
	default:
		t.say("%s ", capital(s.name))
		t.overdue(main)
	}
	t.also(s.Waiting, main)
}

// overdue says who has not answered in time, and why.
func (t *teller) overdue(o *flow.Obligation) {
	t.say("waits for %s to emit %s", o.Service, alternatives(o.For))
	t.since(o)
	t.say(" (%s overdue)", lasting(t.now.Sub(o.Deadline)))
	evidence := o.Finding.Evidence
	switch {
	case o.Finding.Cause == flow.CauseUnknown && evidence == "":
		t.say(", and it is not known why")
	case o.Finding.Cause == flow.CauseUnknown:
		t.say(", and it is not known why: %s", evidence)
	case evidence == "":
		t.say(", by the cause %s", o.Finding.Cause)
	case o.Finding.Certainty == flow.Certain:
		t.say(", because %s", evidence)
	case o.Finding.Certainty == flow.Likely:
		t.say(", most likely because %s", evidence)
	default:
		t.say(", perhaps because %s", evidence)
	}
}

// until says who is to do what until when.
func (t *teller) until(o *flow.Obligation) {
	if o.Deadline.IsZero() {
		t.say("%s is to emit %s", o.Service, alternatives(o.For))
		return
	}
	t.say("%s has until %s to emit %s", o.Service, t.at(o.Deadline), alternatives(o.For))
}

// maxAlso is how many more obligations are told of in full.
const maxAlso = 2

// also tells what else is owed: what is overdue, if the first is; otherwise all.
func (t *teller) also(waiting []flow.Obligation, main *flow.Obligation) {
	told, more := 0, 0
	for i := range waiting {
		o := &waiting[i]
		late := !o.OverdueSince.IsZero()
		if o == main || o.Side || o.Optional || late != !main.OverdueSince.IsZero() {
			continue
		}
		if told++; told > maxAlso {
			more++
			continue
		}
		if late {
			t.say("; it also waits for %s to emit %s (%s overdue)", o.Service, alternatives(o.For), lasting(t.now.Sub(o.Deadline)))
			continue
		}
		t.say("; ")
		t.until(o)
	}
	if more > 0 {
		t.say("; and for %d more", more)
	}
}

// sides tells what side reactions owe too long.
func (t *teller) sides(waiting []flow.Obligation) {
	told, more := 0, 0
	for i := range waiting {
		o := &waiting[i]
		if !o.Side || o.OverdueSince.IsZero() {
			continue
		}
		if told++; told > 1 {
			more++
			continue
		}
		t.say("; %s still owes it %s (%s overdue)", o.Service, alternatives(o.For), lasting(t.now.Sub(o.Deadline)))
	}
	if more > 0 {
		t.say(" and %d more", more)
	}
}

func (t *teller) failed(s *story) {
	t.say("%s failed%s%s%s", capital(s.name), t.when(s.Ended), with(s.outcomes(choreography.Failed)), took(s.Detail))
	if s.rules == nil {
		return
	}
	if undone := s.undone(); len(undone) > 0 {
		t.say("; all that had been done was undone (%s)", strings.Join(undone, ", "))
		return
	}
	t.say("; nothing had to be undone")
}

func (t *teller) inconsistent(s *story, main *flow.Obligation) {
	good, bad := s.outcomes(choreography.Completed), s.outcomes(choreography.Failed)
	t.say("%s is inconsistent: ", capital(s.name))
	surplus := s.surplus()
	switch {
	case len(good) > 0 && len(bad) > 0:
		t.say("it has good and bad outcomes, %s and %s", words(good), words(bad))
	case len(surplus) > 0:
		t.say("nothing explains %s", words(surplus))
	default:
		t.say("its events contradict each other")
	}
	if main == nil {
		return
	}
	t.say("; ")
	if !main.OverdueSince.IsZero() {
		t.say("it ")
		t.overdue(main)
	} else {
		t.until(main)
	}
	t.also(s.Waiting, main)
}

func (t *teller) closed(s *story) {
	by, reason := "", s.Reason
	for i := range s.Actions {
		if x := &s.Actions[i]; x.Action == "closed" {
			by, reason = x.Actor, x.Reason
		}
	}
	t.say("%s was closed%s", capital(s.name), t.when(s.Ended))
	if by != "" {
		t.say(" by %s", by)
	}
	if reason != "" {
		t.say(": %s", strings.TrimRight(reason, ". "))
	}
}

func (t *teller) unknown(s *story) {
	t.say("Nothing is claimed of %s: ", s.name)
	truncated := slices.ContainsFunc(s.Deviations, func(d ledger.DeviationRow) bool { return d.Kind == flow.Truncated })
	switch {
	case truncated:
		t.say("it has more events than the observer keeps")
	case s.Started.IsZero():
		t.say("its start was not seen")
	default:
		t.say("a gap in the log touches it")
	}
	t.lastEvent(s)
}

func (t *teller) lastEvent(s *story) {
	if n := len(s.Events); n > 0 {
		e := &s.Events[n-1]
		t.say("; its last event was %s%s", e.Record.Type, t.when(e.Entry.At))
	}
}

// others says which other flows have this key.
func (t *teller) others(flows []Flow, more bool) {
	if len(flows) == 0 {
		return
	}
	each := make([]string, len(flows))
	for i := range flows {
		each[i] = fmt.Sprintf("%s %s (%s)", flows[i].Choreography, flows[i].ID, flows[i].Status)
	}
	switch {
	case more:
		t.say(" More flows have this key, among them %s.", strings.Join(each, ", "))
	case len(flows) == 1:
		t.say(" 1 more flow has this key: %s.", each[0])
	default:
		t.say(" %d more flows have this key: %s.", len(flows), strings.Join(each, ", "))
	}
}

func (t *teller) when(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return " at " + t.at(at)
}

func (t *teller) since(o *flow.Obligation) { t.say("%s", t.sinceTime(o.Since)) }

func (t *teller) sinceTime(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return " since " + t.at(at)
}

// capital begins a sentence.
func capital(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + s[n:]
}
