package notification

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/laban-io/laban/pkg/event"
)

// saveIntent records that a mail about an event is about to be sent, and tells
// whether it was sent already. It locks the mail's row until the transaction
// ends.
func saveIntent(ctx context.Context, tx *sql.Tx, e event.Event, m Mail) (sent bool, err error) {
	var state string
	err = tx.QueryRowContext(ctx, `
		INSERT INTO mails (event_source, event_id, about, order_id, recipient, mail_id, state, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, 'intended', $7)
		ON CONFLICT (event_source, event_id) DO UPDATE SET updated_at = excluded.updated_at
		RETURNING state`,
		e.Source, e.ID, m.About, m.OrderID, m.To, m.ID, now()).Scan(&state)
	if err != nil {
		return false, fmt.Errorf("save the intent to mail about %s of order %s: %w", m.About, m.OrderID, err)
	}
	return state == "sent", nil
}

// saveSent records that the mail was sent, and tells whether this is news.
func saveSent(ctx context.Context, tx *sql.Tx, e event.Event, m Mail) (news bool, err error) {
	res, err := tx.ExecContext(ctx, `
		UPDATE mails SET state = 'sent', updated_at = $3 WHERE event_source = $1 AND event_id = $2 AND state = 'intended'`,
		e.Source, e.ID, now())
	if err != nil {
		return false, fmt.Errorf("save the mail about %s of order %s: %w", m.About, m.OrderID, err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		return false, fmt.Errorf("save the mail about %s of order %s: %w", m.About, m.OrderID, err)
	}
	return n == 1, nil
}

// mails reads every mail, sent or about to be, by order.
func mails(ctx context.Context, db *sql.DB) (all []Mail, err error) {
	rows, err := db.QueryContext(ctx, `
		SELECT mail_id, event_id, about, order_id, recipient, state = 'sent' FROM mails ORDER BY order_id, event_id`)
	if err != nil {
		return nil, fmt.Errorf("read mails: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var m Mail
		if err := rows.Scan(&m.ID, &m.EventID, &m.About, &m.OrderID, &m.To, &m.Sent); err != nil {
			return nil, fmt.Errorf("read mails: %w", err)
		}
		all = append(all, m)
	}
	return all, rows.Err()
}

// now is the time as the database keeps it: RFC 3339 in UTC.
func now() string { return time.Now().UTC().Format(time.RFC3339Nano) }
