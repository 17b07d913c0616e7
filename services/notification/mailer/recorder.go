package mailer

import (
	"context"
	"sync"
)

// Recorder keeps mails in memory instead of sending them, for tests and
// demonstrations.
type Recorder struct {
	mu    sync.Mutex
	mails []Mail
}

var _ Mailer = (*Recorder)(nil)

// maxRecorded bounds what a recorder keeps.
const maxRecorded = 100_000

// Send keeps the mail, and forgets the oldest beyond the 100,000th.
func (r *Recorder) Send(_ context.Context, m Mail) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mails = append(r.mails, m)
	if len(r.mails) > maxRecorded {
		r.mails = r.mails[1:]
	}
	return nil
}

// Mails returns the mails in the order in which they were sent.
func (r *Recorder) Mails() []Mail {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Mail(nil), r.mails...)
}
