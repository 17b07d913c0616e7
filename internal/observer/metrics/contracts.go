package metrics

import (
	"github.com/laban-io/laban/pkg/choreography"
	"github.com/laban-io/laban/pkg/flow"
)

// known is what contracts can count: it is there from the start, as zeros.
type known struct {
	choreographies map[string]bool
	// steps says of each step whether it can stall, and deadEnds are those of
	// flows at a dead end, by the service whose event came last.
	steps    map[step]bool
	deadEnds map[step]bool
	services map[string]bool
}

// knownOf reads it from contracts. The bounds are those of counting.
func knownOf(contracts []*choreography.Choreography) known {
	k := known{map[string]bool{}, map[step]bool{}, map[step]bool{}, map[string]bool{}}
	for _, c := range contracts {
		if len(k.choreographies) >= maxChoreographies {
			break
		}
		name := label(c.Name)
		k.choreographies[name] = true
		for i := range c.Reactions {
			k.add(name, &c.Reactions[i])
		}
		// The last event may have come from a service that no contract names.
		k.deadEnds[step{name, flow.DeadEnd.String(), ""}] = true
	}
	return k
}

func (k *known) add(name string, r *choreography.Reaction) {
	for _, service := range r.Services {
		if len(k.steps) >= maxSteps {
			return
		}
		service = label(service)
		k.services[service] = true
		if len(r.Emits) > 0 {
			k.deadEnds[step{name, flow.DeadEnd.String(), service}] = true
		}
		if r.Owes() {
			s := step{name, label(r.Step()), service}
			k.steps[s] = k.steps[s] || !r.Optional
		}
	}
}

// causesOf are the causes that a step can stall for.
func (k *known) causesOf(s step) []flow.Cause {
	if k.deadEnds[s] {
		return []flow.Cause{flow.DeadEnd}
	}
	if !k.steps[s] {
		return nil
	}
	var all []flow.Cause
	for _, cause := range flow.Causes() {
		if cause != flow.DeadEnd {
			all = append(all, cause)
		}
	}
	return all
}
