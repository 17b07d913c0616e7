package membus

import (
	"context"

	"github.com/laban-io/laban/pkg/bus"
)

// tail is one reader of the log.
type tail struct {
	more chan struct{} // one signal is enough, however many records came
}

func (t *tail) wake() {
	select {
	case t.more <- struct{}{}:
	default:
	}
}

// Tail reads the log, see [bus.Transport]. A reader that falls behind what the
// log keeps goes on with the oldest record that is left.
func (t *Transport) Tail(ctx context.Context, from bus.Position, fn func(bus.LogRecord) error) error {
	b := t.broker
	reader := &tail{more: make(chan struct{}, 1)}
	b.mu.Lock()
	var offset uint64
	if n, ok := from.Offset(); ok {
		offset = n
	} else if from.IsNext() {
		offset = b.log.next()
	}
	b.log.tails[reader] = struct{}{}
	b.mu.Unlock()
	defer func() {
		b.mu.Lock()
		delete(b.log.tails, reader)
		b.mu.Unlock()
	}()

	batch := make([]record, 256)
	for {
		b.mu.Lock()
		closed := t.closed || b.gate.closed
		first, n := b.log.read(offset, batch)
		b.mu.Unlock()
		if closed {
			return bus.ErrClosed
		}
		for i, r := range batch[:n] {
			if ctx.Err() != nil {
				return nil
			}
			if err := fn(r.toBus(first+uint64(i), b.info)); err != nil {
				return err
			}
		}
		offset = first + uint64(n) //nolint:gosec // a count is not negative
		clear(batch[:n])
		if n > 0 {
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-reader.more:
		}
	}
}

func (r record) toBus(offset uint64, info *bus.Info) bus.LogRecord {
	return bus.LogRecord{
		Offset: offset, Kind: r.kind, Message: r.message.toBus(info),
		Service: r.service, Attempt: r.attempt, Error: r.err, Malformed: r.malformed,
	}
}
