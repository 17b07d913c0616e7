package order

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/laban-io/laban/pkg/bus"
)

// errUnknownOrder: there is no order with this id.
var errUnknownOrder = errors.New("no such order")

// row is an order as it is stored.
type row struct {
	id            string
	customerEmail string
	items         []Item
	amount        int64
	currency      string
	shipTo        string
	flow          bus.Flow
	status        Status
	created       time.Time
	updated       time.Time
}

func insertOrder(ctx context.Context, tx *sql.Tx, o row) error {
	items, err := json.Marshal(o.items)
	if err != nil {
		return fmt.Errorf("encode items: %w", err)
	}
	flow, err := json.Marshal(o.flow)
	if err != nil {
		return fmt.Errorf("encode flow: %w", err)
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO orders (id, customer_email, customer_key, items, amount, currency, ship_to, flow, status, created_ns, updated_ns)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)`,
		o.id, o.customerEmail, customerKey(o.customerEmail), string(items), o.amount, o.currency, o.shipTo,
		string(flow), string(o.status), o.created.UnixNano())
	if err != nil {
		return fmt.Errorf("store order %s: %w", o.id, err)
	}
	return nil
}

// customerKey is what an address is found by. Letter case makes no difference
// to people; that it might to a mail server is of no use to anybody.
func customerKey(email string) string { return strings.ToLower(email) }

// lockOrder makes the transaction the only one that changes an order, and tells
// whether there is such an order. Without it two instances that handle two
// facts at a time would each derive the status without the other's.
func lockOrder(ctx context.Context, tx *sql.Tx, id string) (bool, error) {
	res, err := tx.ExecContext(ctx, `UPDATE orders SET updated_ns = updated_ns WHERE id = $1`, id)
	if err != nil {
		return false, fmt.Errorf("lock order %s: %w", id, err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		return false, fmt.Errorf("lock order %s: %w", id, err)
	}
	return n > 0, nil
}

// refreshStatus derives the status anew from the facts. The order is locked.
func refreshStatus(ctx context.Context, tx *sql.Tx, id string) (Status, error) {
	facts, err := factsOf(ctx, tx, id)
	if err != nil {
		return "", err
	}
	status := statusOf(facts)
	if _, err := tx.ExecContext(ctx, `UPDATE orders SET status = $2, updated_ns = $3 WHERE id = $1`,
		id, string(status), time.Now().UnixNano()); err != nil {
		return "", fmt.Errorf("store the status of order %s: %w", id, err)
	}
	return status, nil
}

const orderColumns = `id, customer_email, items, amount, currency, ship_to, flow, status, created_ns, updated_ns`

// orderByID returns the order or an error that wraps errUnknownOrder.
func orderByID(ctx context.Context, q querier, id string) (row, error) {
	o, err := scanOrder(q.QueryRowContext(ctx, `SELECT `+orderColumns+` FROM orders WHERE id = $1`, id))
	if errors.Is(err, sql.ErrNoRows) {
		return row{}, errUnknownOrder
	}
	return o, err
}

// flowOf returns the flow that an order is a run of.
func flowOf(ctx context.Context, q querier, id string) (bus.Flow, error) {
	o, err := orderByID(ctx, q, id)
	return o.flow, err
}

// scanOrder reads orderColumns.
func scanOrder(r interface{ Scan(...any) error }) (row, error) {
	var (
		o                row
		items, flow      string
		created, updated int64
	)
	if err := r.Scan(&o.id, &o.customerEmail, &items, &o.amount, &o.currency, &o.shipTo, &flow, &o.status, &created, &updated); err != nil {
		return row{}, fmt.Errorf("read an order: %w", err)
	}
	if err := json.Unmarshal([]byte(items), &o.items); err != nil {
		return row{}, fmt.Errorf("decode the items of order %s: %w", o.id, err)
	}
	if err := json.Unmarshal([]byte(flow), &o.flow); err != nil {
		return row{}, fmt.Errorf("decode the flow of order %s: %w", o.id, err)
	}
	o.created, o.updated = fromNanos(created), fromNanos(updated)
	return o, nil
}

// order returns an order with all that is known of it.
func (s *service) order(ctx context.Context, id string) (Order, error) {
	r, err := orderByID(ctx, s.db, id)
	if err != nil {
		return Order{}, err
	}
	facts, err := factsOf(ctx, s.db, id)
	if err != nil {
		return Order{}, err
	}
	return orderFrom(r, facts), nil
}
