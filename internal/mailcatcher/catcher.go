package mailcatcher

import (
	"crypto/rand"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
)

const (
	// kept is how many mails to one domain are kept, so that many customers' do
	// not drive out the few of on-call; domains is how many are told apart, and
	// mostBytes how large a mail may be. Mails are of a few kilobytes.
	kept      = 500
	domains   = 20
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
	of    map[string]int
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
	if c.of == nil {
		c.of = map[string]int{}
	}
	if _, known := c.of[m.domain]; !known && len(c.of) >= domains {
		m.domain = others
	}
	if c.of[m.domain] >= kept {
		oldest := slices.IndexFunc(c.mails, func(o Mail) bool { return o.domain == m.domain })
		c.mails = slices.Delete(c.mails, oldest, oldest+1)
		c.of[m.domain]--
	}
	c.of[m.domain]++
	c.mails = append(c.mails, m)
}

// others stands for the domains beyond those that are told apart.
const others = "others"

// Mails returns the newest mails first, up to limit, to a domain or, where that
// is empty, to any; and how many there have been to all.
func (c *Catcher) Mails(domain string, limit int) (newest []Mail, total int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range slices.Backward(c.mails) {
		if len(newest) == limit {
			break
		}
		if domain == "" || m.domain == domain {
			newest = append(newest, m)
		}
	}
	return newest, c.total
}

// Domains returns where mails that are kept went to, in order.
func (c *Catcher) Domains() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Sorted(maps.Keys(c.of))
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
	if len(m.To) == 0 || len(m.To) == 1 && m.To[0].Address == "" {
		m.To = s.to
	}
	_, m.domain, _ = strings.Cut(strings.ToLower(s.to[0].Address), "@") // there is one, or there is no DATA
	s.catcher.add(m)
	return nil
}

func (s *session) Reset() { s.from, s.to = "", nil }

func (*session) Logout() error { return nil }
