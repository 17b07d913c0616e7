package outbox

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
)

func TestFateOfAnAttempt(t *testing.T) {
	for _, c := range []struct {
		err  error
		want fate
	}{
		{nil, confirmed},
		{event.ErrInvalid, hopeless},
		{event.ErrMalformed, hopeless},
		{bus.ErrTooLarge, hopeless},
		{bus.ErrUndeclared, hopeless},
		{bus.ErrUnreachable, away},
		{bus.ErrBlocked, away},
		{bus.ErrClosed, away},
		{errors.Join(bus.ErrUnconfirmed, bus.ErrBlocked), away}, // written, then blocked
		{context.DeadlineExceeded, away},
		{errors.Join(bus.ErrUnconfirmed, context.DeadlineExceeded), refused}, // the broker was there
		{bus.ErrUnconfirmed, refused},
		{bus.ErrRejected, refused},
		{bus.ErrUnroutable, refused},
		{errors.New("something new"), refused},
		{errHeldBack, heldBack},
	} {
		require.Equal(t, c.want, fateOf(c.err), "%v", c.err)
		if c.err != nil {
			require.Equal(t, c.want, fateOf(fmt.Errorf("publish: %w", c.err)), "%v, wrapped", c.err)
		}
	}
}

func TestRowDelayGrowsAndIsBounded(t *testing.T) {
	cfg := Config{}
	cfg.setDefaults("shop")
	r := newRelay(&Outbox{cfg: cfg}, nil)
	total := time.Duration(0)
	for n := 1; n <= cfg.MaxAttempts; n++ {
		nominal := min(cfg.MinBackoff<<min(n-1, 20), cfg.MaxBackoff)
		d := r.rowDelay(n)
		require.GreaterOrEqual(t, d, nominal/2, "attempt %d", n)
		require.LessOrEqual(t, d, nominal*3/2+1, "attempt %d", n)
		total += nominal
	}
	require.InDelta(t, 45, total.Minutes(), 3, "what Config.MaxAttempts says")
}

func TestErrorTextCanBeStored(t *testing.T) {
	for _, padding := range []string{"", "x"} { // the limit falls into a character
		text := errorText(fmt.Errorf("bad \x00 \xff \x1b[31m %s%s", padding, strings.Repeat("é", 2000)))
		require.True(t, utf8.ValidString(text))
		require.LessOrEqual(t, len(text), maxErrorText)
		require.NotContains(t, text, "\x00")
		require.NotContains(t, text, "\x1b")
	}
}

func TestDues(t *testing.T) {
	now := time.Now()
	at := func(s int) time.Time { return now.Add(time.Duration(s) * time.Second) }
	var d dues
	for _, s := range []int{3, 1, 2, 4} {
		d.add(at(s), 3)
	}
	require.Equal(t, dues{at(1), at(2), at(3)}, d, "the next one first, no more than the limit")
	require.False(t, d.past(at(0)))
	require.True(t, d.past(at(2)))
	require.Equal(t, dues{at(3)}, d, "one that has come takes no other with it")
}

// storeFunc is a store that is a function.
type storeFunc func(*settlement, claim) claimed

func (f storeFunc) turn(_ context.Context, s *settlement, c claim) (claimed, error) {
	return f(s, c), nil
}

// TestRoomThatATurnMakesIsSeen: the claim of the turn that settles the last row
// has to leave out what does not fit beside it. The next claim must not wait for
// a row to be settled, since there is none.
func TestRoomThatATurnMakesIsSeen(t *testing.T) {
	cfg := Config{WindowBytes: 1000}
	cfg.setDefaults("shop")
	var claims []claim
	r := newRelay(&Outbox{cfg: cfg}, storeFunc(func(_ *settlement, c claim) claimed {
		claims = append(claims, c)
		return claimed{more: true}
	}))
	last := &row{seq: 1, settled: true, event: event.Event{Data: make([]byte, 700)}}
	r.rows[1], r.bytes, r.done.confirmed = last, 700, []int64{1}
	require.True(t, r.due(time.Now()))
	r.turn(t.Context(), time.Now())
	require.True(t, r.due(time.Now()))
	r.turn(t.Context(), time.Now())
	require.Len(t, claims, 2)
	require.Equal(t, 300, claims[0].bytes)
	require.Equal(t, 1000, claims[1].bytes)
	require.True(t, claims[1].alone)
	require.False(t, r.due(time.Now()), "in vain once more, and nothing changes: it waits")
}
