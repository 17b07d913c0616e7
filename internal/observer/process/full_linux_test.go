package process_test

import (
	"io"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/laban-io/laban/internal/ledger"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/pkg/flow"
)

// TestADiskThatIsFull: an observer whose ledger's file can't grow says so, stays,
// calls nothing stalled, and goes on when there is room, with nothing lost. A
// limit on the size of its process's files stands for the disk: the write that
// goes beyond it fails.
func TestADiskThatIsFull(t *testing.T) {
	b := newBench(t, "")
	web := b.bus(t, "web", "", "")
	place := func(key string) {
		ctx, _ := web.StartFlow(t.Context(), "shop", key)
		require.NoError(t, web.Publish(ctx, event.New("order.placed", nil).WithSubject(key)))
	}
	said := &lines{also: t.Output()}
	observing := b.start(t, said)
	l, err := ledger.Open(t.Context(), b.cfg.Ledger, ledger.Config{})
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	is := func(key string, want flow.Status) {
		t.Helper()
		require.Eventually(t, func() bool {
			found, _, err := l.Flows(t.Context(), ledger.Filter{Key: key})
			return err == nil && len(found) == 1 && found[0].Status == want
		}, patience, 20*time.Millisecond, key)
	}
	place("before")
	is("before", flow.Running)

	room := func(bytes uint64) {
		require.NoError(t, unix.Prlimit(observing.Process.Pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: bytes, Max: unix.RLIM_INFINITY}, nil))
	}
	written, err := os.Stat(strings.TrimPrefix(b.cfg.Ledger, "sqlite:") + "-wal")
	require.NoError(t, err)
	room(uint64(written.Size()))
	place("during")
	require.Eventually(t, func() bool { return said.has("the ledger can't be written") && said.has("reason=lag") }, patience, 50*time.Millisecond)
	require.Eventually(t, func() bool { return said.count("the ledger can't be written") > 3 }, patience, 50*time.Millisecond, "it tries again")
	found, _, err := l.Flows(t.Context(), ledger.Filter{Key: "during"})
	require.NoError(t, err)
	require.Empty(t, found)
	room(unix.RLIM_INFINITY)

	is("during", flow.Running)
	require.Eventually(t, func() bool { return said.has("the observer sees") }, patience, 50*time.Millisecond)
	place("after")
	is("after", flow.Running)
	require.NoError(t, observing.Process.Signal(syscall.SIGTERM))
	require.NoError(t, observing.Wait())
	head, err := l.Head(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 1, head.Epoch)
	require.Equal(t, b.replay(t, head.Position.Next), dump(t, l))
}

// lines is what a process has said.
type lines struct {
	also io.Writer
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Write(p)
	return l.also.Write(p)
}

func (l *lines) count(what string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), what)
}

func (l *lines) has(what string) bool { return l.count(what) > 0 }
