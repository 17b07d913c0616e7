package outbox

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/laban-io/laban/pkg/event"
)

// insertRows is how many rows are stored with one statement.
const insertRows = 100

// Publish stores the events in the transaction of ctx, completed from ctx as
// [bus.Bus.Publish] completes them: flow, causation, trigger time, trace. They
// are published after that transaction has committed, in the order in which
// they were stored, and not at all if it is rolled back.
//
// It fails with [ErrNoTransaction] outside of one, and with the errors of
// [bus.Bus.Prepare] for an event that can't be published.
func (o *Outbox) Publish(ctx context.Context, events ...event.Event) error {
	if len(events) == 0 {
		return nil
	}
	t := o.transactionOf(ctx)
	if t == nil {
		return fmt.Errorf("publish %s: %w; call it inside Transact, or in a handler under Inbox, with the context given there", events[0].Type, ErrNoTransaction)
	}
	args := make([]any, 0, insertColumns*len(events))
	for _, e := range events {
		m, err := o.sender.Prepare(ctx, e)
		if err != nil {
			return err
		}
		envelope, err := encodeEnvelope(m.Event)
		if err != nil {
			return err
		}
		headers, err := encodeHeaders(m.Headers)
		if err != nil {
			return err
		}
		args = append(args, m.Event.ID, m.Event.Type, m.Event.OrderKey(), envelope, headers, m.Event.Data)
	}
	for len(args) > 0 {
		n := min(len(args), insertColumns*insertRows)
		if _, err := t.tx.ExecContext(ctx, o.insertSQL(n/insertColumns), args[:n]...); err != nil {
			return fmt.Errorf("store %d events in the outbox: %w", len(events), err)
		}
		args = args[n:]
	}
	t.noteStored()
	return nil
}

// insertColumns is how many parameters a row has in insertSQL.
const insertColumns = 6

// insertSQL returns the statement that stores n rows.
func (o *Outbox) insertSQL(n int) string {
	var sql strings.Builder
	sql.WriteString("INSERT INTO outbox (event_id, type, order_key, envelope, headers, data, created_at) VALUES ")
	for row := range n {
		if row > 0 {
			sql.WriteString(", ")
		}
		sql.WriteByte('(')
		for column := range insertColumns {
			sql.WriteByte('$')
			sql.WriteString(strconv.Itoa(row*insertColumns + column + 1))
			sql.WriteString(", ")
		}
		sql.WriteString(o.dialect.now())
		sql.WriteByte(')')
	}
	return sql.String()
}
