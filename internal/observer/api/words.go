package api

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/laban-io/laban/internal/ledger"
	"github.com/laban-io/laban/pkg/choreography"
	"github.com/laban-io/laban/pkg/flow"
)

// outcomes are the types of a flow's outcomes of a class, in the order of the
// log, each once.
func (s *story) outcomes(class choreography.Class) []string {
	if s.rules == nil {
		return nil
	}
	var types []string
	for i := range s.Events {
		if t := s.Events[i].Record.Type; s.rules.Outcomes.Of(t) == class && !slices.Contains(types, t) {
			types = append(types, t)
		}
	}
	return types
}

// undone are the answers that undid something.
func (s *story) undone() []string {
	var types []string
	for i := range s.Obligations {
		o := &s.Obligations[i]
		if o.State != flow.Met || !s.compensates(o) {
			continue
		}
		for k := range s.Events {
			if t := s.Events[k].Record.Type; s.Events[k].Entry.Number == o.PaidBy && !slices.Contains(types, t) {
				types = append(types, t)
			}
		}
	}
	return types
}

func (s *story) compensates(o *flow.Obligation) bool {
	return slices.ContainsFunc(s.rules.Reactions, func(r choreography.Reaction) bool {
		return r.Undoes != "" && r.Step() == o.Step && slices.Contains(r.Services, o.Service)
	})
}

// surplus are the events that nothing explains.
func (s *story) surplus() []string {
	var types []string
	for _, d := range s.Deviations {
		if d.Kind == flow.Unexpected && !slices.Contains(types, d.Detail) {
			types = append(types, d.Detail)
		}
	}
	return types
}

// owing are the services whose turn it is, each once.
func (s *story) owing() []string {
	var services []string
	for i := range s.Waiting {
		if o := &s.Waiting[i]; !o.Side && !o.Optional && !slices.Contains(services, o.Service) {
			services = append(services, o.Service)
		}
	}
	return services
}

// took says how long a flow took.
func took(d *ledger.Detail) string {
	if d.Started.IsZero() || d.Ended.IsZero() {
		return ""
	}
	return ", " + lasting(d.Ended.Sub(d.Started)) + " after it began"
}

func with(types []string) string {
	if len(types) == 0 {
		return ""
	}
	return " with " + words(types)
}

// words joins words by "and", alternatives by "or".
func words(all []string) string        { return joined(all, "and") }
func alternatives(all []string) string { return joined(all, "or") }

func joined(all []string, by string) string {
	switch n := len(all); n {
	case 0:
		return "nothing"
	case 1:
		return all[0]
	default:
		return strings.Join(all[:n-1], ", ") + " " + by + " " + all[n-1]
	}
}

// lasting writes a duration as people say it: in two units at most.
func lasting(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", max(d, 0).Milliseconds())
	case d < 10*time.Second:
		return strings.TrimSuffix(fmt.Sprintf("%.1f", d.Truncate(100*time.Millisecond).Seconds()), ".0") + " s"
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 2*day:
		return units(int(d/time.Hour), "h", int(d%time.Hour/time.Minute), "min")
	default:
		return units(int(d/day), "d", int(d%day/time.Hour), "h")
	}
}

func units(many int, large string, few int, small string) string {
	if few == 0 {
		return fmt.Sprintf("%d %s", many, large)
	}
	return fmt.Sprintf("%d %s %d %s", many, large, few, small)
}
