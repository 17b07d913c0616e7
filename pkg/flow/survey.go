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

// Survey says what there is. It takes no longer where there are more flows.
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
	oldest := map[OldestObligation]int64{}
	for _, p := range t.programs {
		for i := range p.rules {
			at := p.open[i].first()
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
