package observer

import (
	"sync"

	"github.com/laban-io/laban/pkg/flow"
)

// subscribers are told of transitions.
type subscribers struct {
	mu     sync.Mutex
	all    map[chan flow.Transition]struct{}
	closed bool
}

func (s *subscribers) add(n int) (<-chan flow.Transition, func()) {
	c := make(chan flow.Transition, max(n, 1))
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		close(c)
		return c, func() {}
	}
	if s.all == nil {
		s.all = map[chan flow.Transition]struct{}{}
	}
	s.all[c] = struct{}{}
	return c, func() { s.remove(c) }
}

func (s *subscribers) remove(c chan flow.Transition) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, there := s.all[c]; there {
		delete(s.all, c)
		close(c)
	}
}

// tell passes transitions on. A subscriber that reads too slowly is told by its
// channel being closed.
func (s *subscribers) tell(transitions []flow.Transition) {
	s.mu.Lock()
	defer s.mu.Unlock()
next:
	for c := range s.all {
		for i := range transitions {
			select {
			case c <- transitions[i]:
			default:
				delete(s.all, c)
				close(c)
				continue next
			}
		}
	}
}

func (s *subscribers) closeAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for c := range s.all {
		close(c)
	}
	s.all = nil
}
