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

// note remembers what an event tells of an order, the first that tells it, and
// returns all that is known. It locks the order's row until the transaction
// ends, so that two facts of one order, handled at the same time by two
// processes, are seen one after the other.
func note(ctx context.Context, tx *sql.Tx, orderID string, told known) (payment, error) {
	row := tx.QueryRowContext(ctx, `
		INSERT INTO payments (order_id, stock_confirmed, cancel_requested, canceled, delivery_failed, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (order_id) DO UPDATE SET
			stock_confirmed = CASE WHEN payments.stock_confirmed = '' THEN excluded.stock_confirmed ELSE payments.stock_confirmed END,
			cancel_requested = CASE WHEN payments.cancel_requested = '' THEN excluded.cancel_requested ELSE payments.cancel_requested END,
			canceled = CASE WHEN payments.canceled = '' THEN excluded.canceled ELSE payments.canceled END,
			delivery_failed = CASE WHEN payments.delivery_failed = '' THEN excluded.delivery_failed ELSE payments.delivery_failed END,
			updated_at = excluded.updated_at
		RETURNING order_id, stock_confirmed, cancel_requested, canceled, delivery_failed,
			charge, amount, currency, customer_email, capture_id, refund_id`,
		orderID, told.stockConfirmed, told.cancelRequested, told.canceled, told.deliveryFailed, now())
	var p payment
	err := row.Scan(&p.orderID, &p.known.stockConfirmed, &p.known.cancelRequested, &p.known.canceled, &p.known.deliveryFailed,
		&p.charge, &p.amount, &p.currency, &p.customerEmail, &p.captureID, &p.refundID)
	if err != nil {
		return payment{}, fmt.Errorf("note what is known of order %s: %w", orderID, err)
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
