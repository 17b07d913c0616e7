package observer

import (
	"cmp"
	"slices"
	"sync"

	"github.com/laban-io/laban/pkg/choreography"
)

// contracts are those that the observer knows, for readers on any goroutine.
type contracts struct {
	mu      sync.RWMutex
	byHash  map[string]*choreography.Choreography
	inForce map[string]*choreography.Choreography // by name
}

func newContracts() *contracts {
	return &contracts{byHash: map[string]*choreography.Choreography{}, inForce: map[string]*choreography.Choreography{}}
}

func (c *contracts) know(contract *choreography.Choreography) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.byHash[contract.Hash] = contract
}

// use puts a contract in force that is known.
func (c *contracts) use(name, hash string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if contract := c.byHash[hash]; contract != nil {
		c.inForce[name] = contract
	}
}

// all returns those in force, by name.
func (c *contracts) all() []*choreography.Choreography {
	c.mu.RLock()
	defer c.mu.RUnlock()
	all := make([]*choreography.Choreography, 0, len(c.inForce))
	for _, contract := range c.inForce {
		all = append(all, contract)
	}
	slices.SortFunc(all, func(a, b *choreography.Choreography) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// owing returns the services that owe something by a contract in force.
func (c *contracts) owing() []string {
	var names []string
	for _, contract := range c.all() {
		for _, r := range contract.Reactions {
			if r.Owes() {
				names = append(names, r.Services...)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
