package amqpbus_test

import (
	"encoding/binary"
	"io"
	"net"
	"net/url"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// wire leads to a broker, and can be cut. Whoever dials while it is hangs up at
// once. Unlike a listener that is closed, it keeps its port from others.
type wire struct {
	url string

	mu    sync.Mutex
	down  bool
	mute  bool
	conns map[net.Conn]struct{}
}

// wireTo returns a wire to a broker.
func wireTo(t *testing.T, brokerURL string) *wire {
	t.Helper()
	u, err := url.Parse(brokerURL)
	require.NoError(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	w := &wire{conns: make(map[net.Conn]struct{})}
	upstream := u.Host
	u.Host = listener.Addr().String()
	w.url = u.String()

	var running sync.WaitGroup
	running.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() { w.carry(client, upstream) })
		}
	})
	t.Cleanup(func() {
		require.NoError(t, listener.Close())
		w.set(true)
		running.Wait()
	})
	return w
}

func (w *wire) carry(client net.Conn, upstream string) {
	w.mu.Lock()
	if w.down {
		w.mu.Unlock()
		client.Close()
		return
	}
	w.conns[client] = struct{}{}
	w.mu.Unlock()
	splice(client, upstream, w.filter)
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.conns, client)
}

// filter hands on what a broker says, frame by frame; of a wire that is mute it
// leaves out all answers about queues. Heartbeats go through.
func (w *wire) filter(to io.Writer, from io.Reader) error {
	const header, end, method, queueClass = 7, 1, 1, 50
	frame := make([]byte, header)
	for {
		if _, err := io.ReadFull(from, frame[:header]); err != nil {
			return err
		}
		size := header + int(binary.BigEndian.Uint32(frame[3:])) + end
		frame = slices.Grow(frame[:header], size)[:size]
		if _, err := io.ReadFull(from, frame[header:]); err != nil {
			return err
		}
		if frame[0] == method && binary.BigEndian.Uint16(frame[header:]) == queueClass && w.isMute() {
			continue
		}
		if _, err := to.Write(frame); err != nil {
			return err
		}
	}
}

func (w *wire) isMute() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.mute
}

func (w *wire) setMute(mute bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mute = mute
}

// cut ends the connections that there are.
func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for conn := range w.conns {
		conn.Close()
	}
}

// set cuts the wire until further notice, or mends it.
func (w *wire) set(down bool) {
	w.mu.Lock()
	w.down = down
	w.mu.Unlock()
	if down {
		w.cut()
	}
}
