package observer

import (
	"fmt"
	"sync"
	"time"
)

// sight knows whether the observer sees: whether its pulses get into the log
// and come back from it.
type sight struct {
	mu sync.Mutex
	// downSince is since when there is no connection to pulse by, and why.
	down      string
	downSince time.Time
	// sending is since when a pulse or a probe has been on its way to the broker.
	sending time.Time
	blocked func() string // asks the lease
	// unread are when the pulses that the broker has were confirmed, by their
	// numbers; the oldest matters.
	unread map[uint64]time.Time
	// reading tells that a log is being read.
	reading  bool
	lastRead time.Time // when a pulse was read last
	newest   uint64    // its number

	// committing is since when the ledger has not taken a batch, and ledger why.
	committing time.Time
	ledger     string

	reason BlindReason
	since  time.Time
	detail string
}

// connected notes a new lease.
func (s *sight) connected(blocked func() string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down, s.downSince, s.sending, s.blocked = "", time.Time{}, time.Time{}, blocked
}

func (s *sight) disconnected(why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.downSince.IsZero() {
		s.downSince = time.Now()
	}
	s.down, s.sending = why, time.Time{}
}

func (s *sight) sends() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sending = time.Now()
}

// sent notes that the broker took what was sent: a pulse, where number is not 0.
func (s *sight) sent(number uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sending = time.Time{}
	if number > s.newest && s.reading { // or it was read before the broker's word came
		s.unread[number] = time.Now()
	}
}

// read notes that a pulse of this observer was read, and with it all before.
func (s *sight) read(number uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lastRead, s.newest = time.Now(), max(s.newest, number)
	for n := range s.unread {
		if n <= number {
			delete(s.unread, n)
		}
	}
}

// commits notes that the ledger has not taken a batch, and why as far as is known.
func (s *sight) commits(why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.committing.IsZero() {
		s.committing = time.Now()
	}
	s.ledger = why
}

// committed notes that the ledger took it, or is given up.
func (s *sight) committed() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.committing, s.ledger = time.Time{}, ""
}

// begin notes that a log is being read from now on, which has to be caught up
// with first, or not any more.
func (s *sight) begin(reading bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reading, s.unread = reading, map[uint64]time.Time{}
	s.decide(time.Now(), reading)
}

// look judges.
func (s *sight) look(now time.Time, catchingUp bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.decide(now, catchingUp)
}

func (s *sight) decide(now time.Time, catchingUp bool) {
	reason, detail := s.judge(now, catchingUp)
	if reason != s.reason {
		s.since = now
	}
	s.reason, s.detail = reason, detail
}

func (s *sight) judge(now time.Time, catchingUp bool) (BlindReason, string) {
	if !s.reading {
		return NotBlind, ""
	}
	if s.blocked != nil && s.downSince.IsZero() {
		if why := s.blocked(); why != "" {
			return BrokerBlocked, "the broker takes nothing from publishers: " + why
		}
	}
	switch {
	case !s.downSince.IsZero() && now.Sub(s.downSince) > blindAfter/2:
		return Unreachable, s.down
	case !s.sending.IsZero() && now.Sub(s.sending) > blindAfter:
		return Unreachable, fmt.Sprintf("the broker has not answered for %v", now.Sub(s.sending).Round(time.Second))
	}
	if !s.committing.IsZero() && now.Sub(s.committing) > commitPatience+blindAfter {
		return Lagging, fmt.Sprintf("the ledger has not been written for %v, so the log is not read on: %s", now.Sub(s.committing).Round(time.Second), s.ledger)
	}
	oldest := time.Time{}
	for _, at := range s.unread {
		if oldest.IsZero() || at.Before(oldest) {
			oldest = at
		}
	}
	if !oldest.IsZero() && now.Sub(oldest) > blindAfter {
		return Lagging, fmt.Sprintf("a pulse that was written %v ago has not been read", now.Sub(oldest).Round(time.Second))
	}
	if catchingUp {
		return Lagging, "the log is being read up to now"
	}
	return NotBlind, ""
}

// verdict is how it is.
func (s *sight) verdict() (reason BlindReason, since time.Time, detail string, lastRead time.Time, lag time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, at := range s.unread {
		lag = max(lag, time.Since(at))
	}
	if s.reason != NotBlind {
		since = s.since
	}
	return s.reason, since, s.detail, s.lastRead, lag
}
