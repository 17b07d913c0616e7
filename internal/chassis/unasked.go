package chassis

import (
	"net"
	"net/http"
	"sync"
)

// unasked knows the connections on which no request has begun. Clients open
// some ahead of need, and http.Server.Shutdown waits five seconds for each of
// them to ask something, which a stop has no time for.
type unasked struct {
	mu      sync.Mutex
	conns   map[net.Conn]struct{}
	stopped bool
}

// track is the server's ConnState hook.
func (u *unasked) track(c net.Conn, state http.ConnState) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if state != http.StateNew {
		delete(u.conns, c)
		return
	}
	if u.stopped {
		_ = c.Close()
		return
	}
	if u.conns == nil {
		u.conns = make(map[net.Conn]struct{})
	}
	u.conns[c] = struct{}{}
}

// close closes those there are and those still to come.
func (u *unasked) close() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.stopped = true
	for c := range u.conns {
		_ = c.Close()
	}
}
