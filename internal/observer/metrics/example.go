package metrics

import (
	"slices"
	"strings"

	"github.com/laban-io/laban/internal/observer/marker"
	"github.com/laban-io/laban/pkg/flow"
)

// maxExamples is how many flows are named of a step and cause, and of those that
// became inconsistent.
const maxExamples = 3

// example names a flow.
type example struct {
	key, flowID string
	trace       [16]byte
	at          int64 // nanoseconds of the Unix time
}

// contradict counts a flow that became inconsistent, and remembers it among the
// latest. Unlike ends that counts it after the flow has ended, too: what
// contradicts an end comes after it as a rule.
func (f *flowCounts) contradict(t *flow.Transition) {
	f.inconsistent++
	if t.At.IsZero() {
		return // nobody knows what time it was
	}
	x := example{strings.Clone(label(t.Key)), strings.Clone(label(t.FlowID)), marker.TraceOf(t), t.At.UnixNano()}
	f.latest = slices.DeleteFunc(f.latest, func(o example) bool { return o.flowID == x.flowID })
	f.latest = append(f.latest, x)
	if len(f.latest) > maxExamples {
		f.latest = slices.Delete(f.latest, 0, 1)
	}
}
