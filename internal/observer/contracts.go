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

// retire puts a contract out of force.
func (c *contracts) retire(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.inForce, name)
}

// begin puts all out of force.
func (c *contracts) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.inForce)
}

// of returns a contract that is known, or nil.
func (c *contracts) of(hash string) *choreography.Choreography {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.byHash[hash]
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

// owing returns the services that owe something by a contract in force, or by one
// of a choreography that was retired and has flows under way.
func (c *contracts) owing(retired ...string) []string {
	var names []string
	contracts := c.all()
	c.mu.RLock()
	for _, contract := range c.byHash {
		if slices.Contains(retired, contract.Name) {
			contracts = append(contracts, contract)
		}
	}
	c.mu.RUnlock()
	for _, contract := range contracts {
		for _, r := range contract.Reactions {
			if r.Owes() {
				names = append(names, r.Services...)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
