package amqpbus

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// recorder is a connection that notes each write.
type recorder struct {
	net.Conn
	writes       []string
	deadline     time.Time
	fail         error
	failDeadline error
}

func (r *recorder) Write(p []byte) (int, error) {
	if r.fail != nil {
		return 1, r.fail // half of it is out
	}
	r.writes = append(r.writes, string(p))
	return len(p), nil
}

func (r *recorder) SetWriteDeadline(t time.Time) error {
	r.deadline = t
	return r.failDeadline
}

func TestSocketWritesAtOnceUnlessCorked(t *testing.T) {
	r := &recorder{}
	s := &socket{Conn: r, timeout: time.Second}
	write := func(text string) {
		n, err := io.WriteString(s, text)
		require.NoError(t, err)
		require.Len(t, text, n)
	}
	write("a")
	require.Equal(t, []string{"a"}, r.writes)
	s.cork()
	write("b")
	write("c")
	require.Equal(t, []string{"a"}, r.writes, "held back")
	require.NoError(t, s.uncork())
	require.NoError(t, s.uncork(), "nothing is left")
	require.Equal(t, []string{"a", "bc"}, r.writes)
	write("d")
	require.Equal(t, []string{"a", "bc", "d"}, r.writes, "no longer corked")
}

func TestSocketHoldsBackABoundedAmountInOrder(t *testing.T) {
	r := &recorder{}
	s := &socket{Conn: r, timeout: time.Second}
	s.cork()
	large := bytes.Repeat([]byte("x"), maxHeld)
	for _, p := range [][]byte{[]byte("a"), large, []byte("b"), bytes.Repeat([]byte("y"), maxHeld+1)} {
		_, err := s.Write(p)
		require.NoError(t, err)
		require.LessOrEqual(t, cap(s.held), 2*maxHeld)
	}
	_, err := io.WriteString(s, "c")
	require.NoError(t, err)
	require.Equal(t, []string{"a", string(large), "b", strings.Repeat("y", maxHeld+1)}, r.writes)
	require.NoError(t, s.uncork())
	require.Equal(t, "c", r.writes[len(r.writes)-1])
}

func TestSocketSaysWhatBecameOfWhatItHeldBack(t *testing.T) {
	broken := errors.New("broken pipe")
	r := &recorder{fail: broken}
	s := &socket{Conn: r, timeout: time.Second}
	s.cork()
	_, err := io.WriteString(s, "a")
	require.NoError(t, err)
	require.ErrorIs(t, s.uncork(), broken)
	r.fail = nil
	_, err = io.WriteString(s, "b")
	require.ErrorIs(t, err, broken, "nothing may follow half a frame")
	s.cork()
	_, err = io.WriteString(s, "c")
	require.ErrorIs(t, err, broken)
	require.ErrorIs(t, s.uncork(), broken)
	require.Empty(t, r.writes)
}

// TestSocketWritesNothingAfterWhatItLost: what was held back and could not be
// sent is gone, and nothing may follow it as if it had been.
func TestSocketWritesNothingAfterWhatItLost(t *testing.T) {
	r := &recorder{failDeadline: net.ErrClosed}
	s := &socket{Conn: r, timeout: time.Second}
	s.cork()
	_, err := io.WriteString(s, "a")
	require.NoError(t, err)
	require.ErrorIs(t, s.uncork(), net.ErrClosed)
	r.failDeadline = nil
	_, err = io.WriteString(s, "b")
	require.ErrorIs(t, err, net.ErrClosed)
	require.Empty(t, r.writes)
}

// TestSocketIsCorkedWhileOthersWrite: the library writes its heartbeats at any
// time. Every write goes out whole, once, and in the writer's order.
func TestSocketIsCorkedWhileOthersWrite(t *testing.T) {
	r := &recorder{}
	s := &socket{Conn: r, timeout: time.Second}
	const writers, each = 4, 500
	var group sync.WaitGroup
	for w := range writers {
		group.Go(func() {
			for i := range each {
				if _, err := fmt.Fprintf(s, "%d-%d;", w, i); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Go(func() {
		for range each {
			s.cork()
			if err := s.uncork(); err != nil {
				t.Error(err)
			}
		}
	})
	group.Wait()
	next := map[string]int{}
	for _, one := range strings.FieldsFunc(strings.Join(r.writes, ""), func(c rune) bool { return c == ';' }) {
		w, i, _ := strings.Cut(one, "-")
		require.Equal(t, strconv.Itoa(next[w]), i, "writer %s", w)
		next[w]++
	}
	require.Equal(t, map[string]int{"0": each, "1": each, "2": each, "3": each}, next)
}

func TestSocketGivesUpWhereNobodyReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		defer there.Close()
		defer here.Close()
		s := &socket{Conn: here, timeout: 2 * time.Second}
		s.cork()
		_, err := io.WriteString(s, "a")
		require.NoError(t, err)
		start := time.Now()
		require.ErrorIs(t, s.uncork(), os.ErrDeadlineExceeded)
		require.Equal(t, 2*time.Second, time.Since(start))
	})
}
