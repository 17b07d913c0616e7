package observer

import (
	"context"
	"time"

	"github.com/laban-io/laban/internal/ledger"
)

// rival is another observer that wrote to this one's ledger. One of the same log
// holds the right to pulse; one of another log, which was given this ledger by
// mistake, does not, and the two would take the ledger from each other for ever.
type rival struct {
	epoch    int64
	position ledger.Position
	moved    time.Duration // when the ledger was seen to have moved last
}

// rivalQuiet is how long a ledger must have stood still to be taken back: an
// observer that runs writes after each pulse.
const rivalQuiet = 2 * idlePulse

// headTimeout bounds a look at the ledger.
const headTimeout = 5 * time.Second

// rivalWrites tells whether another observer still writes to the ledger, as far
// as is known. The goroutine that leads calls it.
func (o *Observer) rivalWrites(ctx context.Context) bool {
	r := o.rival.Load()
	if r == nil || o.cfg.Ledger == nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, headTimeout)
	defer cancel()
	head, err := o.cfg.Ledger.Head(ctx)
	if err != nil {
		return true // nobody knows
	}
	now := o.pulser.clock.elapsed()
	if head.Epoch != r.epoch || head.Position != r.position {
		o.rival.CompareAndSwap(r, &rival{epoch: head.Epoch, position: head.Position, moved: now})
		return true
	}
	return now-r.moved < rivalQuiet
}
