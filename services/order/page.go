package order

import (
	"context"
	"fmt"
	"strings"
)

// filter says which orders are asked for. Empty fields ask for any.
type filter struct {
	status        Status
	customerEmail string
}

// page returns up to limit orders, the newest first, that come after the order
// with the id after, or from the newest on if that is empty. It seeks by key
// rather than counting rows, so that orders which are placed meanwhile neither
// shift nor repeat anything.
func page(ctx context.Context, q querier, f filter, after string, limit int) ([]row, error) {
	var (
		where []string
		args  []any
	)
	add := func(condition string, arg any) {
		args = append(args, arg)
		where = append(where, fmt.Sprintf(condition, len(args)))
	}
	if f.status != "" {
		add("status = $%d", string(f.status))
	}
	if f.customerEmail != "" {
		add("customer_key = $%d", customerKey(f.customerEmail))
	}
	if after != "" {
		add("id < $%d", after)
	}
	query := `SELECT ` + orderColumns + ` FROM orders`
	if len(where) > 0 {
		query += ` WHERE ` + strings.Join(where, " AND ")
	}
	args = append(args, limit)
	query += fmt.Sprintf(` ORDER BY id DESC LIMIT $%d`, len(args))

	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("list orders: %w", err)
	}
	defer rows.Close()
	orders := make([]row, 0, limit)
	for rows.Next() {
		o, err := scanOrder(rows)
		if err != nil {
			return nil, err
		}
		orders = append(orders, o)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list orders: %w", err)
	}
	return orders, nil
}
