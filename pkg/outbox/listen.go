package outbox

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// channel is where a commit is announced to the relays of other processes.
const channel = "laban_outbox"

// notify announces the commit of tx, unless the relay of this process will
// see to it. Where every commit announced itself, PostgreSQL would let one
// commit after the other, since it keeps notifications in order.
func (o *Outbox) notify(ctx context.Context, tx *sql.Tx) error {
	if o.dialect != PostgreSQL || o.running.Load() {
		return nil
	}
	if _, err := tx.ExecContext(ctx, "SELECT pg_notify($1, '')", channel); err != nil {
		return fmt.Errorf("announce events to relays: %w", err)
	}
	return nil
}

// listenCheck is how often a silent connection is asked for a sign of life.
const listenCheck = 30 * time.Second

// errNoNotifications: the connection is not pgx's.
var errNoNotifications = errors.New("the database driver is not pgx's, so it hands on no notifications")

// listen signals the relay when another process has committed events. It is
// a help only: whatever it misses is found by polling.
func (o *Outbox) listen(ctx context.Context) {
	delays := exponential(o.cfg.MinBackoff, o.cfg.MaxBackoff)
	for {
		connected, err := o.listenOnce(ctx)
		if ctx.Err() != nil {
			return
		}
		if connected {
			delays.Reset()
		}
		delay := delays.NextBackOff()
		if errors.Is(err, errNoNotifications) {
			o.cfg.Logger.InfoContext(ctx, "the outbox learns of other processes' events by polling only", "reason", err, "interval", o.cfg.PollInterval)
			return
		}
		o.cfg.Logger.WarnContext(ctx, "the outbox is told of no other processes' events; until it is, it finds them by polling",
			"error", err, "next_try_in", delay.Round(time.Millisecond))
		timer := time.NewTimer(delay)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}

// listenOnce listens on one connection until that fails or ctx ends.
func (o *Outbox) listenOnce(ctx context.Context) (connected bool, err error) {
	conn, err := o.db.Conn(ctx)
	if err != nil {
		return false, fmt.Errorf("connect: %w", err)
	}
	defer func() { _ = conn.Close() }()
	var why error
	_ = conn.Raw(func(raw any) error {
		pg := pgxConn(raw)
		if pg == nil {
			why = errNoNotifications
			return nil
		}
		connected, why = o.receive(ctx, pg)
		return driver.ErrBadConn // it still listens: the pool must not use it
	})
	return connected, why
}

func (o *Outbox) receive(ctx context.Context, pg *pgx.Conn) (connected bool, err error) {
	if _, err := pg.Exec(ctx, "LISTEN "+channel); err != nil {
		return false, fmt.Errorf("listen: %w", err)
	}
	o.signal() // for what was committed before
	for {
		waitCtx, cancel := context.WithTimeout(ctx, listenCheck)
		_, err := pg.WaitForNotification(waitCtx)
		silent := err != nil && waitCtx.Err() != nil && ctx.Err() == nil
		cancel()
		switch {
		case err == nil:
			o.signal()
		case silent:
			pingCtx, cancel := context.WithTimeout(ctx, turnTimeout)
			err := pg.Ping(pingCtx)
			cancel()
			if err != nil {
				return true, fmt.Errorf("wait for notifications: %w", err)
			}
		default:
			return true, fmt.Errorf("wait for notifications: %w", err)
		}
	}
}

// pgxConn returns the pgx connection under a driver's, also where that is
// wrapped by instrumentation which can be asked for it.
func pgxConn(raw any) *pgx.Conn {
	for range 4 {
		switch c := raw.(type) {
		case *stdlib.Conn:
			return c.Conn()
		case interface{ Raw() driver.Conn }:
			raw = c.Raw()
		default:
			return nil
		}
	}
	return nil
}
