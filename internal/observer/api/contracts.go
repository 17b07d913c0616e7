package api

import (
	"context"
	"slices"
	"sync"

	"github.com/laban-io/laban/internal/ledger"
	"github.com/laban-io/laban/pkg/choreography"
)

// contracts finds the contract that a flow began with, which may not be in force
// any more.
type contracts struct {
	observer Observer
	reader   interface {
		Contracts(ctx context.Context) ([]ledger.Contract, error)
	}

	mu  sync.Mutex
	old map[string]*choreography.Choreography // by hash; nil where it can't be read
}

// inForce returns the contract in force with a name, or nil.
func (c *contracts) inForce(name string) *choreography.Choreography {
	all := c.observer.Contracts()
	if i := slices.IndexFunc(all, func(c *choreography.Choreography) bool { return c.Name == name }); i >= 0 {
		return all[i]
	}
	return nil
}

// of returns the contract with a hash; where there is none that can be read, the
// one in force with that name, or nil.
func (c *contracts) of(ctx context.Context, name, hash string) (*choreography.Choreography, error) {
	current := c.inForce(name)
	if current != nil && current.Hash == hash {
		return current, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	found, known := c.old[hash]
	if !known {
		rows, err := c.reader.Contracts(ctx)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			if row.Hash != hash {
				continue
			}
			// What an older version took for a contract need not be one now.
			if parsed, err := choreography.Parse(row.Name, []byte(row.Text)); err == nil {
				found = parsed
			}
			if c.old == nil {
				c.old = make(map[string]*choreography.Choreography)
			}
			c.old[hash] = found
		}
	}
	if found == nil {
		return current, nil
	}
	return found, nil
}
