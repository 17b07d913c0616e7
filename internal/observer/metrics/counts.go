package metrics

import (
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/laban-io/laban/internal/observer/marker"
	"github.com/laban-io/laban/pkg/flow"
)

// Bounds of what is told apart.
const (
	maxChoreographies = 1000
	maxSteps          = 10_000
	maxReasons        = 32
	maxLabel          = 1024 // bytes
)

// other is the name of what does not fit.
const other = "other"

// Sizes of tables, by the values of package flow.
const (
	causes     = int(flow.DeadEnd) + 1
	deviations = int(flow.Truncated) + 1
	unclaimed  = int(flow.NoRoom) + 1
)

// outcome is how a flow ended.
type outcome int

const (
	completed outcome = iota
	failed
	inconsistent

	outcomes = iota
)

func (o outcome) String() string {
	return [...]string{flow.Completed.String(), flow.Failed.String(), flow.Inconsistent.String()}[o]
}

// step is a reaction of one service.
type step struct{ choreography, step, service string }

// flowCounts is what is counted of a choreography.
type flowCounts struct {
	started, clean, spoiled, inconsistent uint64
	deviations                            [deviations]uint64
	// finished has the first ends, by outcome.
	finished [outcomes]histogram
	// latest are the flows that became inconsistent last, the oldest first.
	latest []example
}

// stepCounts is what is counted of a step.
type stepCounts struct {
	paid   histogram
	stalls [causes]counter
}

// counts is all that is counted: a function of the log.
type counts struct {
	events, gaps uint64
	// unrouted and lost count messages that no service receives.
	unrouted, lost uint64
	unclaimed      [unclaimed]uint64
	malformed      map[string]uint64
	flows          map[string]*flowCounts
	steps          map[step]*stepCounts
}

func newCounts() counts {
	return counts{malformed: map[string]uint64{}, flows: map[string]*flowCounts{}, steps: map[step]*stepCounts{}}
}

// flow returns the counts of a choreography.
func (c *counts) flow(name string) *flowCounts {
	name = label(name)
	f := c.flows[name]
	if f == nil {
		if len(c.flows) >= maxChoreographies && name != other {
			return c.flow(other)
		}
		f = &flowCounts{}
		c.flows[strings.Clone(name)] = f
	}
	return f
}

// step returns the counts of a step.
func (c *counts) step(s step) *stepCounts {
	s = step{label(s.choreography), label(s.step), label(s.service)}
	counted := c.steps[s]
	if counted == nil {
		if rest := (step{other, other, other}); len(c.steps) >= maxSteps && s != rest {
			return c.step(rest)
		}
		counted = &stepCounts{}
		c.steps[step{strings.Clone(s.choreography), strings.Clone(s.step), strings.Clone(s.service)}] = counted
	}
	return counted
}

// label makes a name fit to be the value of a label.
func label(name string) string {
	if len(name) <= maxLabel && utf8.ValidString(name) {
		return name
	}
	name = strings.ToValidUTF8(name, "\uFFFD")
	for len(name) > maxLabel {
		_, size := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-size]
	}
	return name
}

// apply counts a transition.
func (c *counts) apply(t *flow.Transition) {
	switch t.Kind {
	case flow.Started:
		c.flow(t.Choreography).started++
	case flow.Changed:
		f := c.flow(t.Choreography)
		if t.Spoiled {
			f.spoiled++
		}
		if t.To == flow.Inconsistent {
			f.contradict(t)
		}
	case flow.Paid:
		c.step(stepOf(t)).paid.observe(t.Duration, exemplarOf(t))
	case flow.Overdue:
		cause := min(int(t.Finding.Cause), causes-1)
		c.step(stepOf(t)).stalls[cause].add(exemplarOf(t))
	case flow.Ended:
		c.ended(t)
	case flow.Deviated:
		c.flow(t.Choreography).deviations[min(int(t.Deviation), deviations-1)]++
	default:
	}
}

func stepOf(t *flow.Transition) step { return step{t.Choreography, t.Due.Step, t.Due.Service} }

// ended counts the first end of a flow.
func (c *counts) ended(t *flow.Transition) {
	if t.Again {
		return
	}
	f := c.flow(t.Choreography)
	o := inconsistent
	switch t.To {
	case flow.Completed:
		o = completed
	case flow.Failed:
		o = failed
	default:
	}
	f.finished[o].observe(t.Duration, exemplarOf(t))
	if t.Clean && o != inconsistent {
		f.clean++
	}
}

// exemplarOf names the trace that shows a transition. Before the first pulse
// there is none: nobody knows what time it was.
func exemplarOf(t *flow.Transition) exemplar {
	if t.At.IsZero() {
		return exemplar{}
	}
	return exemplar{trace: marker.TraceOf(t), sampled: t.Trace.Sampled, at: t.At.UnixNano()}
}

// reject counts a record that can't be read.
func (c *counts) reject(reason string) {
	reason = label(reason)
	if _, known := c.malformed[reason]; !known && len(c.malformed) >= maxReasons {
		reason = other
	}
	c.malformed[strings.Clone(reason)]++
}

// copied returns a copy that shares nothing that changes.
func (c *counts) copied() counts {
	x := *c
	x.malformed = maps.Clone(c.malformed)
	x.flows = make(map[string]*flowCounts, len(c.flows))
	for name, f := range c.flows {
		y := *f
		y.latest = slices.Clone(f.latest)
		x.flows[name] = &y
	}
	x.steps = make(map[step]*stepCounts, len(c.steps))
	for s, counted := range c.steps {
		y := *counted
		x.steps[s] = &y
	}
	return x
}
