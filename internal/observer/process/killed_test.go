package process_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/ledger"
	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/pkg/flow"
)

// TestKilledAtRandomMoments: an observer that is killed again and again under load
// ends with the ledger that a replay of the log gives, with each order completed
// once, one marker for each, and no stall that was none. The soak test kills it
// fifty times, on each database.
func TestKilledAtRandomMoments(t *testing.T) {
	killAgainAndAgain(t, "sqlite:"+filepath.Join(t.TempDir(), "ledger.db"), 8)
}

// load places orders until it is stopped.
type load struct {
	orders int
	works  sync.WaitGroup
	stop   context.CancelFunc
}

func (l *load) begin(t *testing.T, web *bus.Bus) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	l.stop = cancel
	l.works.Go(func() {
		next := time.NewTicker(4 * time.Millisecond)
		defer next.Stop()
		for ctx.Err() == nil {
			l.orders++
			key := fmt.Sprintf("o-%d", l.orders)
			flowCtx, _ := web.StartFlow(t.Context(), "shop", key)
			if err := web.Publish(flowCtx, event.New("order.placed", nil).WithSubject(key)); err != nil {
				t.Errorf("place an order: %v", err)
				return
			}
			<-next.C
		}
	})
}

// end stops it and returns how many orders were placed.
func (l *load) end() int {
	l.stop()
	l.works.Wait()
	return l.orders
}

func killAgainAndAgain(t *testing.T, ledgerURL string, kills int) {
	t.Helper()
	b := newBench(t, ledgerURL)
	b.bus(t, "payment", "order.placed", "payment.confirmed")
	b.bus(t, "delivery", "payment.confirmed", "order.shipped")
	web := b.bus(t, "web", "", "")
	for _, queue := range []string{"payment", "delivery"} {
		require.Eventually(t, func() bool { return b.broker.QueueExists(t, queue) && b.broker.Consumers(t, queue) == 1 }, patience, 50*time.Millisecond)
	}
	l, err := ledger.Open(t.Context(), b.cfg.Ledger, ledger.Config{})
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	head := func() ledger.Head {
		h, err := l.Head(t.Context())
		require.NoError(t, err)
		return h
	}
	// What ends before the log's first pulse has no time, and no marker.
	before, cmd := head().Epoch, b.start(t, t.Output())
	require.Eventually(t, func() bool { return head().Position.LogID != "" }, patience, 20*time.Millisecond)

	var placing load
	placing.begin(t, web)
	for n := range kills {
		// Every fifth one may be killed before it has begun to work.
		if n%5 != 0 {
			require.Eventually(t, func() bool { return head().Epoch > before }, patience, 5*time.Millisecond)
		}
		wait(rand.N(400 * time.Millisecond))
		require.NoError(t, cmd.Process.Kill())
		require.Error(t, cmd.Wait())
		before, cmd = head().Epoch, b.start(t, t.Output())
	}
	orders := placing.end()
	require.Eventually(t, func() bool {
		last, _, err := l.Flows(t.Context(), ledger.Filter{Key: fmt.Sprintf("o-%d", orders)})
		open, _, err2 := l.Flows(t.Context(), ledger.Filter{Statuses: []flow.Status{flow.Running, flow.Unknown, flow.Stalled}})
		return err == nil && err2 == nil && len(last) == 1 && len(open) == 0
	}, patience, 50*time.Millisecond)
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(t, cmd.Wait())

	live, end := dump(t, l), head()
	t.Logf("%d kills, %d observers worked; %d orders, %d records", kills, end.Epoch, orders, end.Position.Next)
	require.GreaterOrEqual(t, end.Epoch, int64(kills/2), "most of them had taken over before they were killed")
	require.Equal(t, orders, strings.Count(live, `"kind":"completed"`), "one marker for each order, and no more")
	require.NotContains(t, live, `"overdue"`)
	require.Empty(t, cmp.Diff(strings.Split(live, "\n"), strings.Split(b.replay(t, end.Position.Next), "\n")))
}

// wait lets the observer work for a while.
func wait(d time.Duration) { <-time.After(d) }
