package demo

import (
	"fmt"
	"regexp"
	"slices"
	"time"

	contract "github.com/laban-io/laban/pkg/choreography"
	ordersystem "github.com/laban-io/laban/services"
)

var withins = regexp.MustCompile(`within:\s*([0-9a-z.]+)`)

// hurried returns the order system's contract with its deadlines divided by a
// number.
func hurried(by float64) (*contract.Choreography, error) {
	var failed error
	text := withins.ReplaceAllStringFunc(ordersystem.OrderContract(), func(field string) string {
		within, err := time.ParseDuration(withins.FindStringSubmatch(field)[1])
		if err != nil {
			failed = err
		}
		return "within: " + (time.Duration(float64(within) / by)).Round(time.Millisecond).String()
	})
	if failed != nil {
		return nil, fmt.Errorf("the order system's contract: %w", failed)
	}
	return contract.Parse(ordersystem.OrderContractFile, []byte(text))
}

// deadlines says how long a service may take for an event that begins a step
// of the order's way, which are those that faults hit.
type deadlines map[step]time.Duration

type step struct{ service, eventType string }

func deadlinesOf(c *contract.Choreography) deadlines {
	d := make(deadlines)
	for _, s := range []step{
		{"inventory", placed.String()}, {"payment", stockConfirmed.String()}, {"delivery", paymentConfirmed.String()},
	} {
		for i := range c.Reactions {
			r := &c.Reactions[i]
			if r.Undoes == "" && slices.Contains(r.Services, s.service) && slices.Contains(r.On.Types(), s.eventType) && r.Owes() {
				d[s] = r.Within
			}
		}
	}
	return d
}
