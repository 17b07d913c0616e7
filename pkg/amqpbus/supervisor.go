package amqpbus

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/laban-io/laban/pkg/bus"
)

// session is one life of a connection: it returns when ctx ends (nil) or when
// the connection or a channel of it is lost (why). It must call up once it
// works. The connection is closed after it.
type session func(ctx context.Context, conn *connection, up func()) error

// healthyAfter is how long a session must have worked for the next attempt to
// follow at once.
const healthyAfter = 5 * time.Second

// supervise runs one session after the other, each on a fresh connection, until
// ctx ends. It returns an error only where no retry can help.
func (t *Transport) supervise(ctx context.Context, role string, run session) error {
	state := t.roles.add(role)
	defer t.roles.remove(state)
	wait := &backoff.ExponentialBackOff{
		InitialInterval: t.cfg.MinBackoff, MaxInterval: t.cfg.MaxBackoff, Multiplier: 2, RandomizationFactor: 0.5,
	}
	wait.Reset()
	everUp := false
	for attempt := 0; ctx.Err() == nil; attempt++ {
		upAt, err := t.runSession(ctx, role, attempt, state, run)
		if ctx.Err() != nil {
			return nil
		}
		if t.down != nil {
			t.down(role, err)
		}
		everUp = everUp || !upAt.IsZero()
		// Refused access is final only before anything has worked: a password
		// that is being rotated must not end a running service.
		var access *AccessError
		if permanent(err) && (!everUp || !errors.As(err, &access)) {
			return err
		}
		if !upAt.IsZero() && time.Since(upAt) >= healthyAfter {
			wait.Reset()
		}
		pause := wait.NextBackOff()
		t.cfg.Logger.WarnContext(ctx, "no session with the broker; connecting again",
			"role", role, "attempt", attempt+1, "in", pause.Round(time.Millisecond), "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
	return nil
}

// setUp bounds what a session does before it works. A broker may answer
// heartbeats and yet leave a declaration unanswered, as one does that waits for
// others of its cluster, and the library waits for it without bound.
func (t *Transport) setUp(run session) session {
	return func(ctx context.Context, conn *connection, up func()) error {
		settled := make(chan struct{}) // it works, or has ended
		settle := sync.OnceFunc(func() { close(settled) })
		late := false
		var watch sync.WaitGroup
		watch.Go(func() {
			timer := time.NewTimer(t.cfg.setupTimeout)
			defer timer.Stop()
			select {
			case <-settled:
				return
			case <-timer.C:
				late = true
			case <-ctx.Done():
			}
			conn.hangUp()
		})
		err := run(ctx, conn, func() {
			settle()
			up()
		})
		settle()
		watch.Wait()
		if late && err != nil {
			return fmt.Errorf("%w: the broker did not answer for %v: %w", bus.ErrSessionLost, t.cfg.setupTimeout, err)
		}
		return err
	}
}

// runSession connects, runs one session, and hangs up. It returns when the
// session began to work, if it did.
func (t *Transport) runSession(ctx context.Context, role string, attempt int, state *roleState, run session) (upAt time.Time, err error) {
	url := t.cfg.URLs[attempt%len(t.cfg.URLs)]
	conn, err := t.dial(ctx, url, role)
	if err != nil {
		state.down(err)
		return upAt, err
	}
	defer conn.hangUp()
	t.setServer(url)
	err = run(ctx, conn, func() {
		upAt = time.Now()
		state.up()
		if attempt > 0 {
			t.cfg.Logger.InfoContext(ctx, "a session with the broker works", "role", role, "broker", Redact(url))
		}
	})
	if err == nil && ctx.Err() == nil {
		err = errors.New("the session ended")
	}
	state.down(err)
	return upAt, err
}

// lost returns the error of a connection or channel whose close was notified.
func lost(reason *amqp.Error) error {
	if reason == nil { // closed in good order, though not by us
		return fmt.Errorf("%w: closed by the broker", bus.ErrSessionLost)
	}
	return fmt.Errorf("%w: %w", bus.ErrSessionLost, reason)
}
