package outbox_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/pkg/outbox"
)

func TestWindowBoundsWhatIsInHand(t *testing.T) {
	onEach(t, func(t *testing.T, db testDB) {
		var current, most atomic.Int64
		b := &slow{broker: &broker{}, enter: func() { most.Store(max(most.Load(), current.Add(1))) }, leave: func() { current.Add(-1) }}
		cfg := soon()
		cfg.Window = 7
		sender, err := bus.New(bus.Config{Service: "shop"}, b)
		require.NoError(t, err)
		ob, err := outbox.New(db.DB, db.dialect, sender, cfg)
		require.NoError(t, err)
		var events []event.Event
		for i := range 100 {
			events = append(events, evt(fmt.Sprint(i), fmt.Sprint(i)))
		}
		publish(t, ob, events...)
		run(t, ob)
		require.Eventually(t, func() bool { return db.stored(t) == 0 }, patience, time.Millisecond)
		require.Len(t, b.ids(), 100)
		require.LessOrEqual(t, most.Load(), int64(7))
		require.Greater(t, most.Load(), int64(1), "rows are published at the same time")
	})
}

type slow struct {
	*broker
	enter, leave func()
}

func (s *slow) Send(ctx context.Context, m *bus.Message, done func(error)) {
	s.enter()
	go func() {
		for range rand.IntN(50) {
			runtime.Gosched()
		}
		s.broker.Send(ctx, m, func(err error) {
			s.leave()
			done(err)
		})
	}()
}

func TestWindowBytesBoundsMemory(t *testing.T) {
	onEach(t, func(t *testing.T, db testDB) {
		answer := make(chan struct{})
		b := &broker{answer: func(int, *bus.Message) reply { return reply{wait: answer} }}
		cfg := soon()
		cfg.WindowBytes = 1000
		ob := db.newOutbox(t, b, cfg)
		var events []event.Event
		for i, size := range []int{400, 400, 400, 5000, 10} {
			e := evt(fmt.Sprint(i), fmt.Sprint(i))
			e.Data = make([]byte, size)
			events = append(events, e)
		}
		publish(t, ob, events...)
		run(t, ob)
		sent := func(n int) {
			t.Helper()
			require.Eventually(t, func() bool { return b.calls() == n }, patience, time.Millisecond)
			require.Never(t, func() bool { return b.calls() != n }, 30*time.Millisecond, time.Millisecond)
		}
		sent(2)
		answer <- struct{}{}
		sent(3) // 400 and 400
		answer <- struct{}{}
		answer <- struct{}{}
		sent(4) // 5000, alone
		answer <- struct{}{}
		answer <- struct{}{}
		require.Eventually(t, func() bool { return db.stored(t) == 0 }, patience, time.Millisecond)
	})
}
