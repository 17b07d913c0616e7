package delivery

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// shipment is the row of one order.
type shipment struct {
	orderID          string
	paymentConfirmed string // id of the event, "" where it has not come
	state            state
}

// notePaid remembers that an order is paid for, by the first event that tells
// it, and returns all that is known. Like [noteCancel] it locks the order's row
// until the transaction ends, so that a payment and a request to cancel, handled
// at the same time by two processes, are seen one after the other.
func notePaid(ctx context.Context, tx *sql.Tx, orderID, eventID string) (shipment, error) {
	return scan(orderID, tx.QueryRowContext(ctx, `
		INSERT INTO shipments (order_id, payment_confirmed, updated_at) VALUES ($1, $2, $3)
		ON CONFLICT (order_id) DO UPDATE SET
			payment_confirmed = CASE WHEN shipments.payment_confirmed = '' THEN excluded.payment_confirmed ELSE shipments.payment_confirmed END,
			updated_at = excluded.updated_at
		RETURNING order_id, payment_confirmed, state`, orderID, eventID, now()))
}

// noteCancel remembers that its customer wants an order to be canceled.
func noteCancel(ctx context.Context, tx *sql.Tx, orderID, eventID string) (shipment, error) {
	return scan(orderID, tx.QueryRowContext(ctx, `
		INSERT INTO shipments (order_id, cancel_requested, updated_at) VALUES ($1, $2, $3)
		ON CONFLICT (order_id) DO UPDATE SET
			cancel_requested = CASE WHEN shipments.cancel_requested = '' THEN excluded.cancel_requested ELSE shipments.cancel_requested END,
			updated_at = excluded.updated_at
		RETURNING order_id, payment_confirmed, state`, orderID, eventID, now()))
}

func scan(orderID string, row *sql.Row) (shipment, error) {
	var s shipment
	if err := row.Scan(&s.orderID, &s.paymentConfirmed, &s.state); err != nil {
		return shipment{}, fmt.Errorf("note what is known of order %s: %w", orderID, err)
	}
	return s, nil
}

// saveIntent records that the carrier is about to be asked. It is the point
// from which a cancel is refused.
func saveIntent(ctx context.Context, tx *sql.Tx, order paid) error {
	return update(ctx, tx, order.OrderID, "the intent to ship", `
		UPDATE shipments SET state = 'shipping', customer_email = $2, ship_to = $3, amount = $4, currency = $5, updated_at = $6
		WHERE order_id = $1`, order.OrderID, order.CustomerEmail, order.ShipTo, order.Amount, order.Currency, now())
}

// saveShipped records that the carrier has the parcel.
func saveShipped(ctx context.Context, tx *sql.Tx, orderID, trackingNumber string) error {
	return update(ctx, tx, orderID, "the shipment", `
		UPDATE shipments SET state = 'shipped', tracking_number = $2, updated_at = $3 WHERE order_id = $1`,
		orderID, trackingNumber, now())
}

// saveFailed records that the carrier can't deliver.
func saveFailed(ctx context.Context, tx *sql.Tx, orderID, reason string) error {
	return update(ctx, tx, orderID, "the failed delivery", `
		UPDATE shipments SET state = 'failed', reason = $2, updated_at = $3 WHERE order_id = $1`, orderID, reason, now())
}

// saveCanceled records that the order will not be shipped.
func saveCanceled(ctx context.Context, tx *sql.Tx, orderID string) error {
	return update(ctx, tx, orderID, "the cancellation", `
		UPDATE shipments SET state = 'canceled', updated_at = $2 WHERE order_id = $1`, orderID, now())
}

func update(ctx context.Context, tx *sql.Tx, orderID, what, query string, args ...any) error {
	if _, err := tx.ExecContext(ctx, query, args...); err != nil {
		return fmt.Errorf("save %s of order %s: %w", what, orderID, err)
	}
	return nil
}

// shipments reads every shipment that the carrier has or may have.
func shipments(ctx context.Context, db *sql.DB) (all []Shipment, err error) {
	rows, err := db.QueryContext(ctx, `
		SELECT order_id, state = 'shipped', tracking_number, amount, currency FROM shipments
		WHERE state IN ('shipping', 'shipped') ORDER BY order_id`)
	if err != nil {
		return nil, fmt.Errorf("read shipments: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var s Shipment
		if err := rows.Scan(&s.OrderID, &s.Shipped, &s.TrackingNumber, &s.Amount, &s.Currency); err != nil {
			return nil, fmt.Errorf("read shipments: %w", err)
		}
		all = append(all, s)
	}
	return all, rows.Err()
}

// now is the time as the database keeps it: RFC 3339 in UTC.
func now() string { return time.Now().UTC().Format(time.RFC3339Nano) }
