package membus

import "github.com/laban-io/laban/pkg/bus"

// shelf keeps messages until a person looks at them. Broker.mu guards it.
type shelf struct {
	limit    int
	messages ring[*message]
}

func (s *shelf) full() bool { return s.messages.len() >= s.limit }

func (s *shelf) put(m *message) { s.messages.pushBack(m) }

// putLatest puts m and lets the oldest go where there is no room.
func (s *shelf) putLatest(m *message) {
	if s.full() {
		s.messages.popFront()
	}
	s.put(m)
}

func (s *shelf) list(info *bus.Info) []bus.Message {
	var all []bus.Message
	for i := range s.messages.len() {
		all = append(all, (*s.messages.at(i)).toBus(info))
	}
	return all
}
