package demo

import (
	"context"
	"hash/maphash"
	"maps"
	"sync"

	"github.com/laban-io/laban/services/notification/mailer"
)

// mailbox is where the mails of a run go. It counts those of the demo's own
// customers. It is safe for concurrent use.
type mailbox struct {
	customers customers
	seed      maphash.Seed

	mu    sync.Mutex
	count mailCount
	ids   map[uint64]struct{} // hashes of the mails' ids
}

var _ mailer.Mailer = (*mailbox)(nil)

// mailCount is what a mailbox received.
type mailCount struct {
	to     map[int]int // different mails, by the number of the order
	copies int         // of mails that came before
}

func newMailbox(c customers) *mailbox {
	return &mailbox{
		customers: c,
		seed:      maphash.MakeSeed(),
		count:     mailCount{to: make(map[int]int)},
		ids:       make(map[uint64]struct{}),
	}
}

// Send takes a mail.
func (m *mailbox) Send(_ context.Context, mail mailer.Mail) error {
	seq, whose := m.customers.number(string(mail.To))
	if whose != ours {
		return nil
	}
	id := maphash.String(m.seed, mail.ID)
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, known := m.ids[id]; known {
		m.count.copies++
		return nil
	}
	m.ids[id] = struct{}{}
	m.count.to[seq]++
	return nil
}

// received returns what came so far.
func (m *mailbox) received() mailCount {
	m.mu.Lock()
	defer m.mu.Unlock()
	return mailCount{to: maps.Clone(m.count.to), copies: m.count.copies}
}
