package flow

import (
	"cmp"
	"slices"
	"time"
)

// CountedSurvey is what Survey has to say, counted flow by flow.
func (t *Tracker) CountedSurvey() Survey {
	s := t.Survey()
	s.Oldest, s.Stalled = nil, nil
	for i := range s.Flows {
		s.Flows[i].Count = 0
		for _, f := range t.lines[s.Flows[i].Choreography].flows.sorted() {
			if f.retired == 0 && f.status == s.Flows[i].Status {
				s.Flows[i].Count++
			}
		}
	}
	t.countOldest(&s)
	t.countStalled(&s)
	return s
}

func (t *Tracker) countOldest(s *Survey) {
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

func (t *Tracker) countStalled(s *Survey) {
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
	slices.SortFunc(s.Stalled, byStall)
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
