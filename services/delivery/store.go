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

// column returns the column that remembers a fact.
func column(eventType string) (string, bool) {
	switch eventType {
	case paymentConfirmed:
		return "payment_confirmed", true
	case orderCancelRequested:
		return "cancel_requested", true
	default:
		return "", false
	}
}

// note remembers a fact of an order, the first event that told it, and returns
// all that is known. It locks the order's row until the transaction ends, so
// that a payment and a request to cancel, handled at the same time by two
// processes, are seen one after the other.
func note(ctx context.Context, tx *sql.Tx, orderID, eventType, eventID string) (shipment, error) {
	col, ok := column(eventType)
	if !ok {
		return shipment{}, fmt.Errorf("delivery keeps no fact for %q", eventType)
	}
	row := tx.QueryRowContext(ctx, `
		INSERT INTO shipments (order_id, `+col+`, updated_at) VALUES ($1, $2, $3)
		ON CONFLICT (order_id) DO UPDATE SET
			`+col+` = CASE WHEN shipments.`+col+` = '' THEN excluded.`+col+` ELSE shipments.`+col+` END,
			updated_at = excluded.updated_at
		RETURNING order_id, payment_confirmed, state`,
		orderID, eventID, now())
	var s shipment
	if err := row.Scan(&s.orderID, &s.paymentConfirmed, &s.state); err != nil {
		return shipment{}, fmt.Errorf("note %s of order %s: %w", eventType, orderID, err)
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
