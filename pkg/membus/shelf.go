package membus

import (
	"cmp"
	"slices"
	"time"

	"github.com/laban-io/laban/pkg/bus"
)

// shelf keeps messages until a person looks at them. Broker.mu guards it.
type shelf struct {
	limit int
	held  []held
	next  uint64 // the number of the next one
}

// held is a message on a shelf.
type held struct {
	*message
	number uint64
	offset uint64 // of the log's record of it
	at     time.Time
}

func (s *shelf) full() bool { return len(s.held) >= s.limit }

// put adds m, whose record in the log has an offset.
func (s *shelf) put(m *message, offset uint64) {
	s.held = append(s.held, held{m, s.next, offset, time.Now()})
	s.next++
}

// putLatest puts m and lets the oldest go where there is no room.
func (s *shelf) putLatest(m *message, offset uint64) {
	if s.full() {
		s.held[0].message = nil
		s.held = s.held[1:]
	}
	s.put(m, offset)
}

// from returns the place of the first message with a number or a later one.
func (s *shelf) from(number uint64) int {
	i, _ := slices.BinarySearchFunc(s.held, number, func(h held, n uint64) int { return cmp.Compare(h.number, n) })
	return i
}

// find returns the place of a number, or -1.
func (s *shelf) find(number uint64) int {
	if i := s.from(number); i < len(s.held) && s.held[i].number == number {
		return i
	}
	return -1
}

func (s *shelf) take(i int) { s.held = slices.Delete(s.held, i, i+1) }

func (s *shelf) list(info *bus.Info) []bus.Message {
	all := make([]bus.Message, 0, len(s.held))
	for i := range s.held {
		all = append(all, s.held[i].toBus(info))
	}
	return all
}
