package observer

import (
	"context"
	"slices"

	"github.com/laban-io/laban/internal/observer/record"
	"github.com/laban-io/laban/pkg/choreography"
)

// restate puts into the log that a message reached no service, so that what is
// made of it can be made again by a replay. An event that by its contract nobody
// waits for is left out: it reaches nobody by design, each time.
func (o *Observer) restate(ctx context.Context, s record.Stray) error {
	if !s.Lost && o.contracts.ignored(s.FlowName, s.EventType) {
		return nil
	}
	return o.append(ctx, s)
}

// ignored tells whether a contract in force knows the event, and none has a
// reaction to it.
func (c *contracts) ignored(flowName, eventType string) bool {
	known := false
	for _, contract := range c.all() {
		if flowName != "" && contract.Name != flowName {
			continue
		}
		for _, r := range contract.Reactions {
			if slices.Contains(r.On.Types(), eventType) {
				return false
			}
			known = known || slices.Contains(r.Emits, eventType)
		}
		known = known || contract.Outcomes.Of(eventType) != choreography.None
	}
	return known
}
