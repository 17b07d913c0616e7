package metrics

import (
	"encoding/hex"
	"slices"

	"github.com/laban-io/laban/internal/observer/marker"
	"github.com/laban-io/laban/pkg/flow"
)

// inFlight says how many flows have which status.
func (e *exposition) inFlight(s *flow.Survey, k *known) {
	type kind struct {
		choreography string
		status       flow.Status
	}
	counts := map[kind]int{}
	for name := range k.choreographies {
		for _, status := range flow.Statuses() {
			switch status {
			case flow.Completed, flow.Failed, flow.Closed:
			default:
				counts[kind{name, status}] = 0
			}
		}
	}
	for _, f := range s.Flows {
		at := kind{label(f.Choreography), f.Status}
		if _, known := counts[at]; f.Count > 0 || known {
			counts[at] += f.Count
		}
	}
	for at, n := range counts {
		e.gauge(e.desc.inFlight, float64(n), at.choreography, at.status.String())
	}
}

// stalled says what is overdue, with examples. The survey tells apart what has
// the same labels here, such as side obligations.
func (e *exposition) stalled(s *flow.Survey, k *known) {
	type kind struct {
		step
		cause flow.Cause
	}
	counts := map[kind]int{}
	for at := range k.steps {
		for _, cause := range k.causesOf(at) {
			counts[kind{at, cause}] = 0
		}
	}
	for at := range k.deadEnds {
		counts[kind{at, flow.DeadEnd}] = 0
	}
	examples := map[kind][]flow.StallExample{}
	for _, c := range s.Stalled {
		at := kind{step{label(c.Choreography), label(c.Step), label(c.Service)}, c.Cause}
		if _, known := counts[at]; !known && len(counts) >= maxSteps*causes {
			at.step = step{other, other, other}
		}
		counts[at] += c.Count
		examples[at] = append(examples[at], c.Examples...)
	}
	for at, n := range counts {
		e.gauge(e.desc.stalled, float64(n), at.choreography, at.step.step, at.service, at.cause.String())
	}
	for at, found := range examples {
		e.examples(at.step, at.cause, found)
	}
}

// examples names the oldest stalls of one step and cause. A flow that owes the
// same twice is named once.
func (e *exposition) examples(s step, cause flow.Cause, found []flow.StallExample) {
	slices.SortFunc(found, func(a, b flow.StallExample) int { return a.Since.Compare(b.Since) })
	said := map[[3]string]bool{}
	for _, x := range found {
		trace := x.Trace
		if trace == [16]byte{} {
			trace = marker.TraceID(s.choreography, x.FlowID)
		}
		ids := [3]string{label(x.Key), label(x.FlowID), hex.EncodeToString(trace[:])}
		if said[ids] {
			continue
		}
		said[ids] = true
		e.moment(e.desc.example, x.Since, s.choreography, s.step, s.service, cause.String(), ids[0], ids[1], ids[2])
		if len(said) == maxExamples {
			return
		}
	}
}

// oldest says since when something is owed.
func (e *exposition) oldest(s *flow.Survey) {
	said := map[step]bool{}
	for _, o := range s.Oldest {
		at := step{label(o.Choreography), label(o.Step), label(o.Service)}
		if !said[at] && len(said) < maxSteps {
			said[at] = true
			e.moment(e.desc.oldest, o.Since, at.choreography, at.step, at.service)
		}
	}
}
