package order

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/laban-io/laban/pkg/event"
)

// fact is an event as far as order remembers it.
type fact struct {
	orderID   string
	source    string
	eventID   string
	eventType string
	occurred  time.Time // by the emitting service's clock
	recorded  time.Time // by this one's
	detail    Detail
}

// factOf returns what is remembered of e.
func factOf(orderID string, e event.Event, detail Detail) fact {
	now := time.Now().UTC()
	occurred := e.Time.UTC()
	if !storable(occurred) {
		occurred = now // a clock that can't be believed
	}
	return fact{
		orderID: orderID, source: e.Source, eventID: e.ID, eventType: e.Type,
		occurred: occurred, recorded: now, detail: detail,
	}
}

// storable tells whether t fits nanoseconds since 1970 in 64 bits.
func storable(t time.Time) bool { return t.Year() >= 1970 && t.Year() < 2262 }

// querier is a database or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// insertFact remembers f. One that is known already stays as it was.
func insertFact(ctx context.Context, tx *sql.Tx, f fact) error {
	detail, err := json.Marshal(f.detail)
	if err != nil {
		return fmt.Errorf("encode the detail of %s: %w", f.eventType, err)
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO order_facts (order_id, source, event_id, event_type, occurred_ns, recorded_ns, detail)
		VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (order_id, source, event_id) DO NOTHING`,
		f.orderID, f.source, f.eventID, f.eventType, f.occurred.UnixNano(), f.recorded.UnixNano(), string(detail))
	if err != nil {
		return fmt.Errorf("remember %s of order %s: %w", f.eventType, f.orderID, err)
	}
	return nil
}

// factsOf returns what is known of an order, in the order in which it happened
// as far as clocks agree.
func factsOf(ctx context.Context, q querier, orderID string) ([]fact, error) {
	rows, err := q.QueryContext(ctx, `
		SELECT source, event_id, event_type, occurred_ns, recorded_ns, detail
		FROM order_facts WHERE order_id = $1
		ORDER BY occurred_ns, recorded_ns, event_id`, orderID)
	if err != nil {
		return nil, fmt.Errorf("read the facts of order %s: %w", orderID, err)
	}
	defer rows.Close()
	var facts []fact
	for rows.Next() {
		var (
			f                  = fact{orderID: orderID}
			occurred, recorded int64
			detail             string
		)
		if err := rows.Scan(&f.source, &f.eventID, &f.eventType, &occurred, &recorded, &detail); err != nil {
			return nil, fmt.Errorf("read a fact of order %s: %w", orderID, err)
		}
		if err := json.Unmarshal([]byte(detail), &f.detail); err != nil {
			return nil, fmt.Errorf("decode the detail of %s of order %s: %w", f.eventType, orderID, err)
		}
		f.occurred, f.recorded = fromNanos(occurred), fromNanos(recorded)
		facts = append(facts, f)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read the facts of order %s: %w", orderID, err)
	}
	return facts, nil
}

func fromNanos(ns int64) time.Time { return time.Unix(0, ns).UTC() }
