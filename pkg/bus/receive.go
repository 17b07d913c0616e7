package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// receive handles one delivery and settles it.
func (b *Bus) receive(ctx context.Context, d *Delivery) {
	ctx = deliveryScope(ctx, d)
	ctx = b.hooks.processStart(ctx, d)
	start := time.Now()
	// Deferred, since it is to run also where the handler ends the goroutine. It
	// can't keep it from ending: the transport sees to that.
	err := ErrHandlerExited
	defer func() {
		v := b.policy.verdict(ctx, d.Attempt, err)
		b.hooks.processEnd(ctx, d, v, time.Since(start))
		b.logVerdict(ctx, d, v)
		b.settle(ctx, d, v)
	}()
	err = b.handle(ctx, d)
}

// handle calls the handler of d's event.
func (b *Bus) handle(ctx context.Context, d *Delivery) error {
	if d.Malformed != nil {
		return Permanent(d.Malformed)
	}
	h := b.routes.find(d.Event.Type)
	if h == nil {
		return fmt.Errorf("%w: %s does not handle %q; remove the binding that brought it", ErrNoHandler, b.cfg.Service, d.Event.Type)
	}
	return h.Handle(ctx, d.Event)
}

// settleTimeout bounds how long a copy may take to be confirmed.
const settleTimeout = 30 * time.Second

// settle carries out the verdict. It outlives the handler's context: a message
// that was processed is to be acknowledged also while the service stops.
func (b *Bus) settle(ctx context.Context, d *Delivery, v Verdict) {
	ctx = b.hooks.settleStart(ctx, d, v)
	start := time.Now()
	settleCtx := context.WithoutCancel(ctx)
	if v.Action == RetryLater || v.Action == Park {
		var cancel context.CancelFunc
		settleCtx, cancel = context.WithTimeout(settleCtx, settleTimeout)
		defer cancel()
	}
	err := d.Settler.Settle(settleCtx, d, v)
	b.hooks.settleEnd(ctx, d, v, time.Since(start), err)
	if err != nil && !errors.Is(err, ErrSessionLost) {
		b.cfg.Logger.WarnContext(ctx, "a message could not be settled; it will come again",
			"verdict", v.Action.String(), "event", d.Event.Type, "event_id", d.Event.ID, "queue", d.Queue, "error", err)
	}
}

// logVerdict says in the log what did not go well.
func (b *Bus) logVerdict(ctx context.Context, d *Delivery, v Verdict) {
	var (
		level slog.Level
		text  string
	)
	switch v.Action {
	case Ack:
		return
	case RetryLater:
		level, text = slog.LevelWarn, "a message failed and will be tried again"
	case Park:
		level, text = slog.LevelError, "a message is parked and waits for a person"
	case Discard:
		level, text = slog.LevelInfo, "a message was dropped by its handler"
	case Requeue:
		level, text = slog.LevelInfo, "a message was cut off and will come again"
	}
	args := []any{"event", d.Event.Type, "event_id", d.Event.ID, "queue", d.Queue, "attempt", d.Attempt, "error", v.Err}
	if v.Action == RetryLater {
		args = append(args, "delay", b.policy.levels[v.Level])
	}
	var panicked *PanicError
	if errors.As(v.Err, &panicked) {
		args = append(args, "stack", string(panicked.Stack))
	}
	b.cfg.Logger.Log(ctx, level, text, args...) //nolint:sloglint // one of the constants above
}
