package outbox

import (
	"context"
	"fmt"
	"time"
)

// gate lets one writer into SQLite at a time. SQLite does so by itself, but
// makes the others ask again after up to 100 ms; here they wait in a line, and
// the next one starts at once. A nil gate lets everybody in.
type gate chan struct{}

func newGate(d Dialect) gate {
	if d != SQLite {
		return nil
	}
	return make(gate, 1)
}

// gateTimeout bounds the wait for a writer that never ends, for one because
// its function waits for a second transaction.
const gateTimeout = 30 * time.Second

// enter returns when the caller may write, and how to leave.
func (g gate) enter(ctx context.Context) (leave func(), err error) {
	if g == nil {
		return func() {}, nil
	}
	leave = func() { <-g }
	select {
	case g <- struct{}{}:
		return leave, nil
	default:
	}
	timeout := time.NewTimer(gateTimeout)
	defer timeout.Stop()
	select {
	case g <- struct{}{}:
		return leave, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for SQLite's only writer: %w", context.Cause(ctx))
	case <-timeout.C:
		return nil, fmt.Errorf("another transaction has held SQLite's only writer for %v; does it wait for something outside, or for this one", gateTimeout)
	}
}
