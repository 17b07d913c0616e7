package mailer_test

import (
	"bufio"
	"crypto/tls"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// server is a mail server of the simplest kind, on a port of its own.
type server struct {
	addr string
	// replies overrides the reply to a command, by its first word; "." is the
	// end of the mail. An empty reply means silence.
	replies map[string]string
	// tls, where set, is offered by STARTTLS.
	tls *tls.Config

	mu        sync.Mutex
	commands  []string
	mails     []string
	encrypted bool
}

// start begins to serve; the server ends with the test.
func (s *server) start(t *testing.T) *server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s.addr = l.Addr().String()
	var conns sync.WaitGroup
	var mu sync.Mutex
	var open []net.Conn
	conns.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, conn)
			mu.Unlock()
			conns.Go(func() { s.serve(conn) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		for _, conn := range open {
			_ = conn.Close()
		}
		mu.Unlock()
		conns.Wait()
	})
	return s
}

func (s *server) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	r := bufio.NewReader(conn)
	offersTLS := s.tls != nil
	say := func(command, usual string) bool {
		reply, ok := s.replies[command]
		if !ok {
			reply = usual
		}
		if reply != "" {
			_, _ = conn.Write([]byte(reply + "\r\n"))
		}
		return reply == usual
	}
	say("greeting", "220 mail.test ESMTP")
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		s.mu.Lock()
		s.commands = append(s.commands, line)
		s.mu.Unlock()
		word, _, _ := strings.Cut(strings.ToUpper(line), " ")
		switch word {
		case "EHLO":
			extensions := "250-mail.test\r\n250-AUTH PLAIN\r\n"
			if offersTLS {
				extensions += "250-STARTTLS\r\n"
			}
			say(word, extensions+"250 8BITMIME")
		case "STARTTLS":
			say(word, "220 go ahead")
			secured := tls.Server(conn, s.tls)
			if secured.Handshake() != nil {
				return
			}
			conn, r, offersTLS = secured, bufio.NewReader(secured), false
			s.mu.Lock()
			s.encrypted = true
			s.mu.Unlock()
		case "AUTH":
			say(word, "235 welcome")
		case "DATA":
			if !say(word, "354 go on") {
				continue
			}
			text, err := readDots(r)
			if err != nil {
				return
			}
			s.mu.Lock()
			s.mails = append(s.mails, text)
			s.mu.Unlock()
			say(".", "250 queued")
		case "QUIT":
			say(word, "221 bye")
			return
		default:
			say(word, "250 fine")
		}
	}
}

// readDots reads a mail up to the line with a single dot.
func readDots(r *bufio.Reader) (string, error) {
	var b strings.Builder
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return "", err
		}
		if line == ".\r\n" {
			return b.String(), nil
		}
		b.WriteString(strings.TrimPrefix(line, "."))
	}
}

func (s *server) saw() (commands, mails []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.commands...), append([]string(nil), s.mails...)
}
