package demo

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/pkg/membus"
)

func direct(t *testing.T, transport bus.Transport, id string) {
	t.Helper()
	e := event.New("laban.test", nil)
	e.ID, e.Source, e.Time = id, "test", time.Now()
	require.NoError(t, transport.SendToLog(t.Context(), &bus.Message{Event: e, Info: transport.Info()}))
}

func TestATailReadsWhatComesAfterItsStart(t *testing.T) {
	broker := membus.New(membus.Config{})
	defer broker.Close()
	transport := broker.Connect()
	direct(t, transport, "before")

	var read atomic.Int64
	l, err := startTail(t.Context(), transport, func(r bus.LogRecord) {
		require.NotEqual(t, "before", r.Event.ID)
		require.NotEqual(t, markType, r.Event.Type)
		read.Add(1)
	})
	require.NoError(t, err)
	for n := range 500 {
		direct(t, transport, fmt.Sprint(n))
	}
	require.NoError(t, l.catchUp(t.Context()))
	require.EqualValues(t, 500, read.Load())
	require.NoError(t, l.stop())
}

func TestATailThatCantGoOnSaysSo(t *testing.T) {
	broker := membus.New(membus.Config{})
	transport := broker.Connect()
	l, err := startTail(t.Context(), transport, func(bus.LogRecord) {})
	require.NoError(t, err)
	broker.Close()
	require.ErrorIs(t, l.catchUp(t.Context()), bus.ErrClosed)
	require.ErrorIs(t, l.stop(), bus.ErrClosed)

	_, err = startTail(t.Context(), transport, func(bus.LogRecord) {})
	require.ErrorIs(t, err, bus.ErrClosed)
}

// A mark of another demo in the same log tells nothing about this one's place.
func TestATailWaitsForItsOwnMark(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broker := membus.New(membus.Config{})
		defer broker.Close()
		transport := broker.Connect()
		hold := make(chan struct{})
		l, err := startTail(t.Context(), transport, func(bus.LogRecord) { <-hold })
		require.NoError(t, err)
		l.marks <- "another demo's"
		direct(t, transport, "a record that takes its time")

		caughtUp := make(chan error, 1)
		go func() { caughtUp <- l.catchUp(t.Context()) }()
		synctest.Wait()
		require.Empty(t, caughtUp, "the record is not read yet")
		close(hold)
		require.NoError(t, <-caughtUp)
		require.NoError(t, l.stop())
	})
}

// deaf is a transport whose log can be written, and never read.
type deaf struct{ bus.Transport }

func (deaf) Tail(ctx context.Context, _ bus.Position, _ func(bus.LogRecord) error) error {
	<-ctx.Done()
	return nil
}

func TestATailWaitsNoLongerThanItMay(t *testing.T) {
	broker := membus.New(membus.Config{})
	defer broker.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := startTail(ctx, deaf{broker.Connect()}, func(bus.LogRecord) {})
	require.ErrorIs(t, err, context.DeadlineExceeded)
}
