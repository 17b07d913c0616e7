package outbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
)

// Inbox makes the effects of a handler happen once, however often its message
// comes: in one transaction it notes the event and calls the handler, whose
// context carries the transaction. An event that is noted already is not
// handled again.
//
// Only effects in the transaction are covered. A handler that calls the outside
// does so between transactions and uses [Outbox.Accept].
func (o *Outbox) Inbox() bus.Middleware {
	return func(next bus.Handler) bus.Handler {
		return bus.HandlerFunc(func(ctx context.Context, e event.Event) error {
			return o.Transact(ctx, func(ctx context.Context, _ *sql.Tx) error {
				first, err := o.Accept(ctx, e)
				if err != nil || !first {
					return err
				}
				return next.Handle(ctx, e)
			})
		})
	}
}

// Accept notes e in the inbox, in the transaction of ctx, and tells whether
// this is the first time. It waits for another transaction that is about to
// accept the same event.
func (o *Outbox) Accept(ctx context.Context, e event.Event) (first bool, err error) {
	t := o.transactionOf(ctx)
	if t == nil {
		return false, fmt.Errorf("accept %s %s: %w", e.Type, e.ID, ErrNoTransaction)
	}
	//nolint:gosec // put together from constants
	query := `INSERT INTO inbox (consumer, source, event_id, received_at) VALUES ($1, $2, $3, ` + o.dialect.now() + `)
		ON CONFLICT (consumer, source, event_id) DO NOTHING`
	result, err := t.tx.ExecContext(ctx, query, o.cfg.Consumer, e.Source, e.ID)
	if err != nil {
		return false, fmt.Errorf("note %s %s in the inbox: %w", e.Type, e.ID, err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		return false, fmt.Errorf("note %s %s in the inbox: %w", e.Type, e.ID, err)
	}
	if n == 0 {
		o.duplicates.Add(1)
		if o.cfg.OnDuplicate != nil {
			o.cfg.OnDuplicate(ctx, e)
		}
		return false, nil
	}
	return true, nil
}

// Seen tells whether e was accepted before, in the transaction of ctx where
// there is one. Unlike [Outbox.Accept] it promises nothing about the next
// moment.
func (o *Outbox) Seen(ctx context.Context, e event.Event) (bool, error) {
	const query = `SELECT 1 FROM inbox WHERE consumer = $1 AND source = $2 AND event_id = $3`
	ask := o.db.QueryRowContext
	if t := o.transactionOf(ctx); t != nil {
		ask = t.tx.QueryRowContext
	}
	var one int
	err := ask(ctx, query, o.cfg.Consumer, e.Source, e.ID).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for %s %s in the inbox: %w", e.Type, e.ID, err)
	}
	return true, nil
}
