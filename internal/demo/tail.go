package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
)

// markType is the type of the events by which the demo finds its place in the
// log. They go into the log only; no service receives one.
const markType = "laban.demo.mark"

// logTail reads the log from the moment at which it was started.
type logTail struct {
	transport bus.Transport
	apply     func(bus.LogRecord)
	marks     chan string // ids of marks that were read
	done      chan error  // holds the error with which reading ended
	cancel    context.CancelFunc
}

// startTail begins to read, and returns once what is written into the log from
// now on will be read.
func startTail(ctx context.Context, t bus.Transport, apply func(bus.LogRecord)) (*logTail, error) {
	tailCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	l := &logTail{transport: t, apply: apply, marks: make(chan string, 64), done: make(chan error, 1), cancel: cancel}
	go func() { l.done <- t.Tail(tailCtx, bus.Next(), l.read) }()
	// Reading from the next record on, one can't know where that is before a
	// record has come.
	if err := l.catchUp(ctx); err != nil {
		_ = l.stop() // err says it
		return nil, fmt.Errorf("read the log: %w", err)
	}
	return l, nil
}

func (l *logTail) read(r bus.LogRecord) error {
	if r.Kind == bus.RecordDirect && r.Event.Type == markType {
		select {
		case l.marks <- r.Event.ID:
		default: // another demo's, or one that nobody waits for any more
		}
		return nil
	}
	l.apply(r)
	return nil
}

// markEvery is the time after which a mark that was not seen is written again.
const markEvery = 250 * time.Millisecond

// catchUp returns when everything was read that is in the log by now.
func (l *logTail) catchUp(ctx context.Context) error {
	written := make(map[string]bool)
	again := time.NewTicker(markEvery)
	defer again.Stop()
	for {
		e := event.New(markType, nil)
		e.ID, e.Source, e.Time = event.NewID(), "laban-demo", time.Now()
		written[e.ID] = true
		if err := l.transport.SendToLog(ctx, &bus.Message{Event: e, RoutingKey: e.Type, Info: l.transport.Info()}); err != nil {
			return err
		}
		for waiting := true; waiting; {
			select {
			case id := <-l.marks:
				if written[id] {
					return nil
				}
			case <-again.C:
				waiting = false
			case err := <-l.done:
				l.done <- err
				return fmt.Errorf("reading ended: %w", err)
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
	}
}

// stop ends reading. Its error is why reading had ended before.
func (l *logTail) stop() error {
	l.cancel()
	return <-l.done
}
