package flow_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/laban-io/laban/pkg/choreography"
	"github.com/laban-io/laban/pkg/flow"
)

// model says what a contract means for one flow, slowly and in the plainest
// way: it keeps the list of records and works everything out from that list
// again after each of them. It was written from DESIGN, not from the tracker.
type model struct {
	c       *choreography.Choreography
	records []modelRecord
	verdict []modelVerdict // after each number of events
}

// modelRecord is an event, or a pulse where it has no type.
type modelRecord struct {
	id, source, eventType, cause string
	at                           time.Time
}

// modelDuty is one obligation: of a service, under a reaction, for the nth
// event that makes it owed.
type modelDuty struct {
	reaction int
	service  string
	nth      int
}

// modelVerdict is what the set of events says, whenever they came.
type modelVerdict struct {
	started, completed, failed bool
	// open are those owed, met those paid.
	open, met []modelDuty
	// surplus are the compensations that there are too many of, by type.
	surplus int
	// answers are all compensations.
	answers int
	patient time.Duration
}

// modelView is where the flow stands after the last record.
type modelView struct {
	status flow.Status
	// doubtful tells that the rules do not say which of several compensations
	// is the surplus one, so that the moment it counts from is not certain.
	doubtful bool
	open     []string
	stalls   int
}

func (m *model) event(r modelRecord) {
	for _, old := range m.records {
		if old.eventType != "" && old.id != "" && old.id == r.id && old.source == r.source {
			return
		}
	}
	m.records = append(m.records, r)
	var events []modelRecord
	for _, r := range m.records {
		if r.eventType != "" {
			events = append(events, r)
		}
	}
	m.verdict = append(m.verdict, judgeSlowly(m.c, events))
}

func (m *model) pulse(at time.Time) { m.records = append(m.records, modelRecord{at: at}) }

func has(events []modelRecord, types ...string) bool {
	return slices.ContainsFunc(events, func(e modelRecord) bool { return slices.Contains(types, e.eventType) })
}

func ofType(events []modelRecord, eventType string) []modelRecord {
	var found []modelRecord
	for _, e := range events {
		if e.eventType == eventType {
			found = append(found, e)
		}
	}
	return found
}

// judgeSlowly works out what is owed and paid by a set of events.
func judgeSlowly(c *choreography.Choreography, events []modelRecord) modelVerdict {
	v := modelVerdict{started: has(events, c.Starts...), completed: has(events, c.Outcomes.Completed...), failed: has(events, c.Outcomes.Failed...)}
	if !v.started {
		return v
	}
	type duty struct {
		modelDuty
		void     bool
		triggers []string // ids
		age      int
	}
	var duties []duty
	for ri, r := range c.Reactions {
		if !r.Owes() || len(r.If) > 0 && !has(events, r.If...) {
			continue
		}
		var triggers [][]string // of each obligation
		var ages []int
		place := func(id string) int {
			return slices.IndexFunc(events, func(e modelRecord) bool { return e.id == id })
		}
		switch {
		case r.Undoes != "":
			asked := len(r.On.Any) > 0 && has(events, r.On.Any...)
			if len(r.On.All) > 0 {
				asked = !slices.ContainsFunc(r.On.All, func(typ string) bool { return !has(events, typ) })
			}
			if !asked {
				continue
			}
			var demands []string
			for _, e := range events {
				if slices.Contains(r.On.Types(), e.eventType) {
					demands = append(demands, e.id)
				}
			}
			for _, e := range ofType(events, r.Undoes) {
				triggers = append(triggers, append([]string{e.id}, demands...))
				ages = append(ages, place(e.id))
			}
		case len(r.On.All) > 0:
			rounds := 1 << 30
			var all []string
			for _, typ := range r.On.All {
				of := ofType(events, typ)
				rounds = min(rounds, len(of))
				for _, e := range of {
					all = append(all, e.id)
				}
			}
			for n := range rounds {
				triggers = append(triggers, all)
				last := 0
				for _, typ := range r.On.All {
					last = max(last, place(ofType(events, typ)[n].id))
				}
				ages = append(ages, last)
			}
		default:
			for i, e := range events {
				if slices.Contains(r.On.Any, e.eventType) {
					triggers = append(triggers, []string{e.id})
					ages = append(ages, i)
				}
			}
		}
		for _, s := range r.Services {
			for n := range triggers {
				duties = append(duties, duty{modelDuty{ri, s, n}, len(r.Unless) > 0 && has(events, r.Unless...), triggers[n], ages[n]})
			}
		}
	}
	emittedBy := func(eventType string) (services []string) {
		for _, r := range c.Reactions {
			if slices.Contains(r.Emits, eventType) {
				services = append(services, r.Services...)
			}
		}
		return services
	}
	fits := func(e modelRecord, d duty) bool {
		r := c.Reactions[d.reaction]
		return slices.Contains(r.Emits, e.eventType) && (e.source == d.service || !slices.Contains(emittedBy(e.eventType), e.source))
	}
	causes := func(e modelRecord, d duty) bool { return e.cause != e.id && slices.Contains(d.triggers, e.cause) }
	// What holds the flow comes first, and what is void last; then by age.
	rank := func(d duty) int {
		r := c.Reactions[d.reaction]
		switch {
		case d.void:
			return 2
		case r.Side || r.Optional:
			return 1
		default:
			return 0
		}
	}
	slices.SortStableFunc(duties, func(a, b duty) int {
		if rank(a) != rank(b) {
			return rank(a) - rank(b)
		}
		return a.age - b.age
	})
	// payable tries every way to give each duty an answer of its own.
	var payable func(set []duty, taken []bool, allowed func(modelRecord, duty) bool) bool
	payable = func(set []duty, taken []bool, allowed func(modelRecord, duty) bool) bool {
		if len(set) == 0 {
			return true
		}
		for i, e := range events {
			if !taken[i] && allowed(e, set[0]) {
				taken[i] = true
				if payable(set[1:], taken, allowed) {
					taken[i] = false
					return true
				}
				taken[i] = false
			}
		}
		return false
	}
	var paid []duty
	pay := func(allowed func(modelRecord, duty) bool) {
		for _, d := range duties {
			if slices.ContainsFunc(paid, func(p duty) bool { return p.modelDuty == d.modelDuty }) {
				continue
			}
			if payable(append(slices.Clone(paid), d), make([]bool, len(events)), allowed) {
				paid = append(paid, d)
			}
		}
	}
	pay(func(e modelRecord, d duty) bool { return fits(e, d) && causes(e, d) })
	pay(fits)
	undo := func(eventType string) bool {
		answers := false
		for _, r := range c.Reactions {
			if r.Owes() && slices.Contains(r.Emits, eventType) {
				if answers = true; r.Undoes == "" {
					return false
				}
			}
		}
		return answers
	}
	for _, e := range events {
		if !undo(e.eventType) || slices.Contains(c.Starts, e.eventType) {
			continue
		}
		v.answers++
		v.surplus++
		for _, r := range c.Reactions {
			if slices.Contains(r.Emits, e.eventType) {
				v.patient = max(v.patient, r.Within)
			}
		}
	}
	for _, d := range duties {
		r := c.Reactions[d.reaction]
		switch was := slices.ContainsFunc(paid, func(p duty) bool { return p.modelDuty == d.modelDuty }); {
		case was && r.Undoes != "":
			v.surplus--
			fallthrough
		case was:
			if !d.void {
				v.met = append(v.met, d.modelDuty)
			}
		case !d.void:
			v.open = append(v.open, d.modelDuty)
		}
	}
	return v
}

func (m *model) holds(d modelDuty) bool {
	r := m.c.Reactions[d.reaction]
	return !r.Side && !r.Optional
}

// due is when a time that began at since is over, seen from a pulse at now.
func (m *model) due(since time.Time, within time.Duration, now time.Time) time.Time {
	due := since.Add(within)
	var before time.Time
	for _, r := range m.records {
		if r.eventType != "" {
			continue
		}
		if r.at.After(now) {
			break
		}
		if before.IsZero() || r.at.Sub(before) > time.Second {
			if least := r.at.Add(min(within, 30*time.Second)); !since.After(r.at) && least.After(due) {
				due = least
			}
		}
		before = r.at
	}
	return due
}

// view tells the whole history again.
func (m *model) view() modelView {
	owed := map[modelDuty]time.Time{}    // since when
	overdue := map[modelDuty]time.Time{} // until when
	var (
		v            modelVerdict
		events       int
		quiet, since time.Time // since when nothing came, and something is surplus
		deadEnd      bool
		ended        bool
		ripe, doubt  bool
		stalls       int
	)
	nothingOwed := func() bool { return !slices.ContainsFunc(v.open, m.holds) }
	for _, r := range m.records {
		if r.eventType != "" {
			v = m.verdict[events]
			events++
			deadEnd, quiet = false, time.Time{}
			for d := range overdue {
				if !slices.Contains(v.open, d) {
					delete(overdue, d)
				}
			}
			if v.surplus == 0 {
				since, ripe = time.Time{}, false
			}
			doubt = v.surplus > 0 && v.answers > 1
		} else {
			now := r.at
			if quiet.IsZero() {
				quiet = now
			}
			for _, d := range append(slices.Clone(v.open), v.met...) {
				if owed[d].IsZero() {
					owed[d] = now
				}
			}
			if v.surplus > 0 && since.IsZero() {
				since = now
			}
			if v.surplus > 0 && m.due(since, v.patient, now).Before(now) {
				ripe = true
			}
			if doubt && m.due(quiet, v.patient, now).Before(now) {
				doubt, ripe = false, true
			}
			for _, d := range v.open {
				reaction := m.c.Reactions[d.reaction]
				if due := m.due(owed[d], reaction.Within, now); !reaction.Optional && overdue[d].IsZero() && due.Before(now) {
					overdue[d] = due
					stalls++
				}
			}
			if v.started && !v.completed && !v.failed && nothingOwed() && !deadEnd && m.due(quiet, m.c.Idle, now).Before(now) {
				deadEnd = true
				stalls++
			}
		}
		ended = v.started && (v.completed || v.failed) && nothingOwed() && (ended || v.surplus == 0 || ripe)
	}
	view := modelView{doubtful: doubt, stalls: stalls}
	stalled := deadEnd
	for d := range overdue {
		stalled = stalled || m.holds(d)
	}
	switch {
	case !v.started:
		view.status = flow.Unknown
	case v.completed && v.failed, v.surplus > 0 && ripe && nothingOwed():
		view.status = flow.Inconsistent
	case stalled:
		view.status = flow.Stalled
	case ended && v.completed:
		view.status = flow.Completed
	case ended:
		view.status = flow.Failed
	case v.failed:
		view.status = flow.Compensating
	default:
		view.status = flow.Running
	}
	for _, d := range v.open {
		r := m.c.Reactions[d.reaction]
		line := fmt.Sprintf("%s %s", d.service, r.Step())
		if at := owed[d]; !at.IsZero() {
			line += " since " + at.Format("05.000")
		}
		if at := overdue[d]; !at.IsZero() {
			line += " overdue " + at.Format("05.000")
		}
		view.open = append(view.open, line)
	}
	slices.Sort(view.open)
	return view
}

// openOf writes the open obligations of a snapshot as the model does.
func openOf(s *flow.Snapshot) []string {
	var open []string
	for _, o := range s.Obligations {
		if o.State != flow.Open || o.Number == 0 {
			continue
		}
		line := []string{o.Service, o.Step}
		if !o.Since.IsZero() {
			line = append(line, "since", o.Since.Format("05.000"))
		}
		if !o.OverdueSince.IsZero() {
			line = append(line, "overdue", o.Deadline.Format("05.000"))
		}
		open = append(open, strings.Join(line, " "))
	}
	slices.Sort(open)
	return open
}
