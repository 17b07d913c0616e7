package payment

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// payment is the row of one order.
type payment struct {
	orderID       string
	known         known
	charge        charge
	amount        int64 // in minor units of currency
	currency      string
	customerEmail string
	captureID     string
	refundID      string
}

// refunded tells whether the money was given back.
func (p *payment) refunded() bool { return p.refundID != "" }

// column returns the column that remembers a fact.
func column(eventType string) (string, bool) {
	switch eventType {
	case stockConfirmed:
		return "stock_confirmed", true
	case orderCancelRequested:
		return "cancel_requested", true
	case orderCanceled:
		return "canceled", true
	case deliveryFailed:
		return "delivery_failed", true
	default:
		return "", false
	}
}

// note remembers a fact of an order, the first event that told it, and returns
// all that is known. It locks the order's row until the transaction ends, so
// that two facts of one order, handled at the same time by two processes, are
// seen one after the other.
func note(ctx context.Context, tx *sql.Tx, orderID, eventType, eventID string) (payment, error) {
	col, ok := column(eventType)
	if !ok {
		return payment{}, fmt.Errorf("payment keeps no fact for %q", eventType)
	}
	row := tx.QueryRowContext(ctx, `
		INSERT INTO payments (order_id, `+col+`, updated_at) VALUES ($1, $2, $3)
		ON CONFLICT (order_id) DO UPDATE SET
			`+col+` = CASE WHEN payments.`+col+` = '' THEN excluded.`+col+` ELSE payments.`+col+` END,
			updated_at = excluded.updated_at
		RETURNING order_id, stock_confirmed, cancel_requested, canceled, delivery_failed,
			charge, amount, currency, customer_email, capture_id, refund_id`,
		orderID, eventID, now())
	var p payment
	err := row.Scan(&p.orderID, &p.known.stockConfirmed, &p.known.cancelRequested, &p.known.canceled, &p.known.deliveryFailed,
		&p.charge, &p.amount, &p.currency, &p.customerEmail, &p.captureID, &p.refundID)
	if err != nil {
		return payment{}, fmt.Errorf("note %s of order %s: %w", eventType, orderID, err)
	}
	return p, nil
}

// saveIntent records that the provider is about to be asked for the money.
func saveIntent(ctx context.Context, tx *sql.Tx, p payment) error {
	return update(ctx, tx, p.orderID, "the intent to charge", `
		UPDATE payments SET charge = 'intended', amount = $2, currency = $3, customer_email = $4, updated_at = $5
		WHERE order_id = $1`, p.orderID, p.amount, p.currency, p.customerEmail, now())
}

// saveCaptured records that the money was taken.
func saveCaptured(ctx context.Context, tx *sql.Tx, orderID, captureID string) error {
	return update(ctx, tx, orderID, "the capture", `
		UPDATE payments SET charge = 'captured', capture_id = $2, updated_at = $3 WHERE order_id = $1`,
		orderID, captureID, now())
}

// saveRejected records that no money was or will be taken.
func saveRejected(ctx context.Context, tx *sql.Tx, orderID, customerEmail, reason string) error {
	return update(ctx, tx, orderID, "the rejection", `
		UPDATE payments SET charge = 'rejected', customer_email = $2, reason = $3, updated_at = $4 WHERE order_id = $1`,
		orderID, customerEmail, reason, now())
}

// saveRefunded records that the money was given back.
func saveRefunded(ctx context.Context, tx *sql.Tx, orderID, refundID string) error {
	return update(ctx, tx, orderID, "the refund", `
		UPDATE payments SET refund_id = $2, updated_at = $3 WHERE order_id = $1`, orderID, refundID, now())
}

func update(ctx context.Context, tx *sql.Tx, orderID, what, query string, args ...any) error {
	if _, err := tx.ExecContext(ctx, query, args...); err != nil {
		return fmt.Errorf("save %s of order %s: %w", what, orderID, err)
	}
	return nil
}

// now is the time as the database keeps it: RFC 3339 in UTC.
func now() string { return time.Now().UTC().Format(time.RFC3339Nano) }
