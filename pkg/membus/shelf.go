package membus

import "github.com/laban-io/laban/pkg/bus"

// shelf keeps messages until a person looks at them. Broker.mu guards it.
type shelf struct {
	limit    int
	messages ring[*message]
	gone     uint64 // how many went before the first that is there
}

func (s *shelf) full() bool { return s.messages.len() >= s.limit }

func (s *shelf) put(m *message) { s.messages.pushBack(m) }

// putLatest puts m and lets the oldest go where there is no room.
func (s *shelf) putLatest(m *message) {
	if s.full() {
		s.messages.popFront()
		s.gone++
	}
	s.put(m)
}

func (s *shelf) list(info *bus.Info) []bus.Message {
	all, _ := s.from(0, info)
	return all
}

// from returns the messages from number n on, and the number of the next one.
// Numbers count from 0 all that was ever put.
func (s *shelf) from(n uint64, info *bus.Info) (all []bus.Message, next uint64) {
	for i := range s.messages.len() {
		if s.gone+uint64(i) >= n {
			all = append(all, (*s.messages.at(i)).toBus(info))
		}
	}
	return all, s.gone + uint64(s.messages.len()) //nolint:gosec // a length
}
