package outbox

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/laban-io/laban/pkg/bus"
)

// attempt is one try to publish a row.
type attempt struct {
	row      *row
	err      error        // the answer
	answered atomic.Bool  // somebody has answered, or the relay has given up
	overdue  atomic.Int64 // when an answer is no longer to be expected; 0 until it is sent
}

// answer hands the transport's answer to the relay. A second one, and one that
// the relay waits for no more, is ignored.
func (r *relay) answer(a *attempt, err error) {
	if a.answered.CompareAndSwap(false, true) {
		a.err = err
		r.answers <- a // has room for every row
	}
}

// giveUp answers in the transport's place.
func (a *attempt) giveUp() bool {
	if !a.answered.CompareAndSwap(false, true) {
		return false
	}
	a.err = fmt.Errorf("%w: the transport gave no answer at all", bus.ErrUnconfirmed)
	return true
}

// send hands rows to the bus, in order, until there are no more to come. It is
// apart from the relay's loop because the bus blocks while its window is full.
func (r *relay) send(ctx context.Context) {
	timeout := r.outbox.cfg.PublishTimeout
	for a := range r.outgoing {
		if ctx.Err() != nil || r.holdBack.Load() {
			r.answer(a, errHeldBack)
			continue
		}
		a.overdue.Store(time.Now().Add(2 * timeout).UnixNano())
		attemptCtx, cancel := context.WithTimeout(ctx, timeout)
		r.outbox.sender.Relay(attemptCtx, a.row.message(), func(err error) {
			cancel()
			r.answer(a, err)
		})
	}
}
