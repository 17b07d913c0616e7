package amqpbus

import (
	"net"
	"sync"
	"time"
)

// maxHeld is how many bytes a corked socket holds back.
const maxHeld = 32 << 10

// socket is what the client library reads from and writes to.
//
// It gives every write a deadline. Without one, a publish hangs for as long as
// a broker under alarm reads nothing, and so does Close.
//
// While it is corked, it holds back what is written, so that many small
// messages go out in one system call: the library makes one for each message.
// Whoever corks it must uncork it before waiting for anything.
type socket struct {
	net.Conn
	timeout time.Duration

	mu     sync.Mutex
	corked bool
	held   []byte
	err    error // of the first write that failed: half a frame may be out
}

// Write writes or holds back p. An error of what was held back before is
// returned by the write that sends it.
func (s *socket) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.corked && s.err == nil && len(s.held)+len(p) <= maxHeld {
		s.held = append(s.held, p...)
		return len(p), nil
	}
	if err := s.flush(); err != nil {
		return 0, err
	}
	return s.send(p)
}

// cork lets writes be held back from now on.
func (s *socket) cork() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.corked = true
}

// uncork sends what was held back.
func (s *socket) uncork() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.corked = false
	return s.flush()
}

func (s *socket) flush() error {
	if s.err != nil || len(s.held) == 0 {
		return s.err
	}
	_, err := s.send(s.held)
	s.held = s.held[:0]
	return err
}

func (s *socket) send(p []byte) (int, error) {
	if s.err = s.SetWriteDeadline(time.Now().Add(s.timeout)); s.err != nil {
		return 0, s.err
	}
	var n int
	n, s.err = s.Conn.Write(p)
	return n, s.err
}
