package flow

import (
	"cmp"
	"slices"
	"time"
)

// Survey is what there is in a tracker at one moment, in numbers that do not
// grow with the flows.
type Survey struct {
	// Flows counts the flows that have not ended, by choreography and status.
	Flows []FlowCount
	// Stalled counts overdue obligations, by choreography, step, service and
	// cause.
	Stalled []StallCount
	// Oldest is the oldest obligation that is open, of each step.
	Oldest []OldestObligation
	// Tombstones is how many ended flows are remembered.
	Tombstones int
	// RefusedEvents is how many events found the tracker full, since the log's
	// beginning, and RefusedFlows how many of them would have begun a flow.
	RefusedEvents, RefusedFlows uint64
}

// FlowCount is how many flows of a choreography have a status.
type FlowCount struct {
	Choreography string
	Status       Status
	Count        int
}

// StallCount is how many obligations of a step are overdue for a cause.
type StallCount struct {
	Choreography, Step, Service string
	Cause                       Cause
	Side                        bool
	Count                       int
	// Examples are the oldest of them, at most three, the oldest first.
	Examples []StallExample
}

// StallExample is one overdue obligation.
type StallExample struct {
	FlowID, Key string
	Trace       [16]byte
	// Since is the obligation's deadline.
	Since time.Time
}

// OldestObligation is the oldest open obligation of a step.
type OldestObligation struct {
	Choreography, Step, Service string
	Since                       time.Time
}

// maxExamples is how many examples of a stall are named: few enough to be
// labels of a metric.
const maxExamples = 3

// Survey counts what there is. It looks at every flow that is under way.
func (t *Tracker) Survey() Survey {
	s := Survey{Tombstones: t.retired.live, RefusedEvents: t.refusedEvents, RefusedFlows: t.refusedFlows}
	for _, l := range t.order {
		for status, count := range l.counts {
			switch st := Status(status); st {
			case Completed, Failed, Closed:
			default:
				s.Flows = append(s.Flows, FlowCount{Choreography: l.name, Status: st, Count: count})
			}
		}
	}
	t.surveyOldest(&s)
	t.surveyStalled(&s)
	return s
}

func (t *Tracker) surveyOldest(s *Survey) {
	byRule := map[*program][]int64{} // since when, of each rule, or 0
	for _, l := range t.order {
		for _, f := range l.flows.sorted() {
			if f.retired != 0 || !f.judged() {
				continue
			}
			since := byRule[f.program]
			if since == nil {
				since = make([]int64, len(f.program.rules))
				byRule[f.program] = since
			}
			for i := range f.obligations {
				o := &f.obligations[i]
				if at := since[o.rule]; o.state == Open && o.owed != 0 && (at == 0 || o.owed < at) && !f.program.rules[o.rule].optional {
					since[o.rule] = o.owed
				}
			}
		}
	}
	oldest := map[OldestObligation]int64{}
	for p, since := range byRule {
		for i, at := range since {
			if at == 0 {
				continue
			}
			r := &p.rules[i]
			key := OldestObligation{Choreography: p.contract.Name, Step: r.step, Service: p.serviceNames[r.service]}
			if other, ok := oldest[key]; !ok || at < other {
				oldest[key] = at
			}
		}
	}
	for key, at := range oldest {
		key.Since = moment(at)
		s.Oldest = append(s.Oldest, key)
	}
	slices.SortFunc(s.Oldest, func(a, b OldestObligation) int {
		return cmp.Or(cmp.Compare(a.Choreography, b.Choreography), cmp.Compare(a.Step, b.Step), cmp.Compare(a.Service, b.Service))
	})
}

// stallKind is what stalls are counted by.
type stallKind struct {
	choreography, step, service string
	cause                       Cause
	side                        bool
}

func (t *Tracker) surveyStalled(s *Survey) {
	found := map[stallKind]*StallCount{}
	for f := range t.stalled {
		if f.is(flagDeadEnd) {
			due := f.deadEndDue()
			countStall(found, stallKind{f.line.name, due.Step, due.Service, DeadEnd, false}, f, due.Deadline)
		}
		for i := range f.obligations {
			o := &f.obligations[i]
			if o.flags&owedOverdue == 0 {
				continue
			}
			r := &f.program.rules[o.rule]
			d := f.delayOf(i)
			countStall(found, stallKind{f.line.name, r.step, f.program.serviceNames[r.service], d.why.Cause, r.side}, f, moment(d.deadline))
		}
	}
	for _, count := range found {
		s.Stalled = append(s.Stalled, *count)
	}
	slices.SortFunc(s.Stalled, func(a, b StallCount) int {
		return cmp.Or(cmp.Compare(a.Choreography, b.Choreography), cmp.Compare(a.Step, b.Step),
			cmp.Compare(a.Service, b.Service), cmp.Compare(a.Cause, b.Cause))
	})
}

func countStall(found map[stallKind]*StallCount, kind stallKind, f *instance, since time.Time) {
	c := found[kind]
	if c == nil {
		c = &StallCount{Choreography: kind.choreography, Step: kind.step, Service: kind.service, Cause: kind.cause, Side: kind.side}
		found[kind] = c
	}
	c.Count++
	c.Examples = append(c.Examples, StallExample{FlowID: f.id(), Key: f.key(), Trace: f.trace, Since: since})
	slices.SortFunc(c.Examples, func(a, b StallExample) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.FlowID, b.FlowID))
	})
	c.Examples = c.Examples[:min(len(c.Examples), maxExamples)]
}
