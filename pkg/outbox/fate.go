package outbox

import (
	"context"
	"errors"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
)

// fate is what the answer to an attempt says about the row.
type fate int

const (
	// confirmed: the broker has it.
	confirmed fate = iota
	// hopeless: no further attempt can succeed, it is set aside at once.
	hopeless
	// refused: the broker was there and did not take it, or did not say. The
	// next attempt may succeed; the rows of other keys go on meanwhile.
	refused
	// away: no row can be published now. That says nothing about this one.
	away
	// heldBack: it was not tried, since the broker is away.
	heldBack
)

// errHeldBack is the answer to an attempt that was not made.
var errHeldBack = errors.New("not tried, since the broker can't be reached")

// fateOf judges the error of an attempt. What it does not know counts as
// refused: a row whose publishing always fails in some new way must neither
// stop the others nor be tried for ever.
func fateOf(err error) fate {
	is := func(targets ...error) bool {
		for _, target := range targets {
			if errors.Is(err, target) {
				return true
			}
		}
		return false
	}
	switch {
	case err == nil:
		return confirmed
	case is(errHeldBack):
		return heldBack
	case is(event.ErrInvalid, event.ErrMalformed, bus.ErrTooLarge, bus.ErrUndeclared):
		return hopeless
	case is(bus.ErrUnreachable, bus.ErrBlocked, bus.ErrClosed):
		return away
	case is(bus.ErrUnconfirmed, bus.ErrRejected, bus.ErrUnroutable):
		return refused
	case is(context.DeadlineExceeded, context.Canceled):
		return away
	default:
		return refused
	}
}
