package inventory

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// reservation is the row of one order.
type reservation struct {
	known         known
	state         state
	customerEmail string
}

// note remembers what an event tells of an order, the first that tells it, and
// returns all that is known. It locks the order's row until the transaction
// ends, so that two facts of one order, handled at the same time by two
// processes, are seen one after the other.
func note(ctx context.Context, tx *sql.Tx, orderID string, told known) (reservation, error) {
	row := tx.QueryRowContext(ctx, `
		INSERT INTO reservations (order_id, placed, cancel_requested, payment_rejected, canceled, delivery_failed, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (order_id) DO UPDATE SET
			placed = CASE WHEN reservations.placed = '' THEN excluded.placed ELSE reservations.placed END,
			cancel_requested = CASE WHEN reservations.cancel_requested = '' THEN excluded.cancel_requested ELSE reservations.cancel_requested END,
			payment_rejected = CASE WHEN reservations.payment_rejected = '' THEN excluded.payment_rejected ELSE reservations.payment_rejected END,
			canceled = CASE WHEN reservations.canceled = '' THEN excluded.canceled ELSE reservations.canceled END,
			delivery_failed = CASE WHEN reservations.delivery_failed = '' THEN excluded.delivery_failed ELSE reservations.delivery_failed END,
			updated_at = excluded.updated_at
		RETURNING placed, cancel_requested, payment_rejected, canceled, delivery_failed, state, customer_email`,
		orderID, told.placed, told.cancelRequested, told.paymentRejected, told.canceled, told.deliveryFailed, now())
	var r reservation
	err := row.Scan(&r.known.placed, &r.known.cancelRequested, &r.known.paymentRejected,
		&r.known.canceled, &r.known.deliveryFailed, &r.state, &r.customerEmail)
	if err != nil {
		return reservation{}, fmt.Errorf("note what is known of order %s: %w", orderID, err)
	}
	return r, nil
}

// shortage is why stock can't be reserved, in words for the customer.
type shortage string

// take moves the items from available to held, all of them or none, and
// returns why not where there are too few. SKUs are taken in one order by all,
// so that two orders can't wait for each other.
func take(ctx context.Context, tx *sql.Tx, items []item) (shortage, error) {
	wanted := bySKU(items)
	taken := make(map[string]int64, len(wanted))
	for _, sku := range slices.Sorted(maps.Keys(wanted)) {
		res, err := tx.ExecContext(ctx,
			`UPDATE stock SET available = available - $2 WHERE sku = $1 AND available >= $2`, sku, wanted[sku])
		if err != nil {
			return "", fmt.Errorf("take %s from stock: %w", sku, err)
		}
		n, err := res.RowsAffected()
		if err != nil {
			return "", fmt.Errorf("take %s from stock: %w", sku, err)
		}
		if n == 0 {
			why, err := explain(ctx, tx, sku, wanted[sku])
			if err != nil {
				return "", err
			}
			return why, put(ctx, tx, taken)
		}
		taken[sku] = wanted[sku]
	}
	return "", nil
}

// explain says why a SKU could not be taken.
func explain(ctx context.Context, tx *sql.Tx, sku string, wanted int64) (shortage, error) {
	var available int64
	err := tx.QueryRowContext(ctx, `SELECT available FROM stock WHERE sku = $1`, sku).Scan(&available)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return shortage(fmt.Sprintf("%s is not sold here", sku)), nil
	case err != nil:
		return "", fmt.Errorf("read the stock of %s: %w", sku, err)
	default:
		return shortage(fmt.Sprintf("out of stock: %d of %s wanted, %d available", wanted, sku, available)), nil
	}
}

// put makes quantities available again.
func put(ctx context.Context, tx *sql.Tx, quantities map[string]int64) error {
	for _, sku := range slices.Sorted(maps.Keys(quantities)) {
		if _, err := tx.ExecContext(ctx,
			`UPDATE stock SET available = available + $2 WHERE sku = $1`, sku, quantities[sku]); err != nil {
			return fmt.Errorf("put %s back into stock: %w", sku, err)
		}
	}
	return nil
}

func bySKU(items []item) map[string]int64 {
	m := make(map[string]int64, len(items))
	for _, it := range items {
		m[it.SKU] += it.Quantity
	}
	return m
}

// saveHeld records what was reserved for an order.
func saveHeld(ctx context.Context, tx *sql.Tx, orderID, customerEmail string, items []item) error {
	if err := setState(ctx, tx, orderID, stateHeld, customerEmail, ""); err != nil {
		return err
	}
	for line, it := range items {
		if _, err := tx.ExecContext(ctx, `
			INSERT INTO reservation_items (order_id, line, sku, quantity, unit_price) VALUES ($1, $2, $3, $4, $5)`,
			orderID, line, it.SKU, it.Quantity, it.UnitPrice); err != nil {
			return fmt.Errorf("save the reservation of order %s: %w", orderID, err)
		}
	}
	return nil
}

// setState moves an order's reservation on.
func setState(ctx context.Context, tx *sql.Tx, orderID string, s state, customerEmail, reason string) error {
	if _, err := tx.ExecContext(ctx, `
		UPDATE reservations SET state = $2, customer_email = $3, reason = $4, updated_at = $5 WHERE order_id = $1`,
		orderID, s, customerEmail, reason, now()); err != nil {
		return fmt.Errorf("save order %s as %s: %w", orderID, s, err)
	}
	return nil
}

// heldItems returns what was reserved for an order.
func heldItems(ctx context.Context, tx *sql.Tx, orderID string) (items []item, err error) {
	rows, err := tx.QueryContext(ctx,
		`SELECT sku, quantity, unit_price FROM reservation_items WHERE order_id = $1 ORDER BY line`, orderID)
	if err != nil {
		return nil, fmt.Errorf("read the reservation of order %s: %w", orderID, err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var it item
		if err := rows.Scan(&it.SKU, &it.Quantity, &it.UnitPrice); err != nil {
			return nil, fmt.Errorf("read the reservation of order %s: %w", orderID, err)
		}
		items = append(items, it)
	}
	return items, rows.Err()
}

// seed adds SKUs that are not there yet. What is there stays as it is: a
// restart does not restock.
func seed(ctx context.Context, db *sql.DB, stock map[string]int64) error {
	for _, sku := range slices.Sorted(maps.Keys(stock)) {
		if _, err := db.ExecContext(ctx, `
			INSERT INTO stock (sku, initial, available) VALUES ($1, $2, $2) ON CONFLICT (sku) DO NOTHING`,
			sku, stock[sku]); err != nil {
			return fmt.Errorf("seed the stock of %s: %w", sku, err)
		}
	}
	return nil
}

// levels reads the stock of every SKU at one moment.
func levels(ctx context.Context, db *sql.DB) (all []Level, err error) {
	rows, err := db.QueryContext(ctx, `
		SELECT s.sku, s.initial, s.available, CAST(COALESCE(h.held, 0) AS BIGINT)
		FROM stock s
		LEFT JOIN (
			SELECT i.sku, SUM(i.quantity) AS held
			FROM reservation_items i JOIN reservations r ON r.order_id = i.order_id
			WHERE r.state = 'held'
			GROUP BY i.sku
		) h ON h.sku = s.sku
		ORDER BY s.sku`)
	if err != nil {
		return nil, fmt.Errorf("read stock levels: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var l Level
		if err := rows.Scan(&l.SKU, &l.Initial, &l.Available, &l.Held); err != nil {
			return nil, fmt.Errorf("read stock levels: %w", err)
		}
		all = append(all, l)
	}
	return all, rows.Err()
}

// now is the time as the database keeps it: RFC 3339 in UTC.
func now() string { return time.Now().UTC().Format(time.RFC3339Nano) }
