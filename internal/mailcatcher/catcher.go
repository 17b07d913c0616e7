package mailcatcher

import (
	"crypto/rand"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
)

const (
	// kept is how many mails are kept, and mostBytes how large one may be: with
	// the whole of both, 1 GiB. Mails are of a few kilobytes.
	kept      = 1000
	mostBytes = 1 << 20
	// mostTo is how many recipients one mail may have.
	mostTo = 100
	// patience is how long a client may say nothing.
	patience = time.Minute
)

// Catcher keeps the mails that it is sent. It is safe for concurrent use.
type Catcher struct {
	mu    sync.Mutex
	mails []Mail // the oldest first
	total int
}

// SMTP returns a server that hands mails to c. Its addresses are the caller's to
// choose; end it with Close.
func (c *Catcher) SMTP() *smtp.Server {
	s := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &session{catcher: c}, nil }))
	s.Domain = "localhost"
	s.MaxMessageBytes, s.MaxRecipients = mostBytes, mostTo
	s.ReadTimeout, s.WriteTimeout = patience, patience
	return s
}

func (c *Catcher) add(m Mail) {
	m.ID, m.Created = rand.Text(), time.Now().UTC()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.total++
	if len(c.mails) >= kept {
		c.mails = slices.Delete(c.mails, 0, len(c.mails)-kept+1)
	}
	c.mails = append(c.mails, m)
}

// Mails returns the newest mails first, up to limit, and how many there have
// been.
func (c *Catcher) Mails(limit int) (newest []Mail, total int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	newest = slices.Clone(c.mails[max(0, len(c.mails)-limit):])
	slices.Reverse(newest)
	return newest, c.total
}

// Mail returns the one with that id, if it is still there.
func (c *Catcher) Mail(id string) (Mail, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.IndexFunc(c.mails, func(m Mail) bool { return m.ID == id })
	if i < 0 {
		return Mail{}, false
	}
	return c.mails[i], true
}

// session takes the mails of one connection.
type session struct {
	catcher *Catcher
	from    string
	to      []Address
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.from = from
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = append(s.to, Address{Address: to})
	return nil
}

func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r) // bounded by the server
	if err != nil {
		return err
	}
	m := parse(raw)
	if m.From.Address == "" {
		m.From.Address = s.from
	}
	// Who it was really for, which its header may not say.
	if len(m.To) == 1 && m.To[0].Address == "" {
		m.To = s.to
	}
	s.catcher.add(m)
	return nil
}

func (s *session) Reset() { s.from, s.to = "", nil }

func (*session) Logout() error { return nil }
